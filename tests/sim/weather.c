#include "weather.h"

#include "base/random.h"

const struct weather weather_calm;

struct weather weather_by_chance(void)
{
    /* From nearly nothing to hardly anything that works. */
    uint32_t scale = 1 + random_below(20);
    return (struct weather){.reset = 30 * scale,
                            .stall = 60 * scale,
                            .refused = 4 * scale,
                            .greylisted = 2 * scale,
                            .unknown = 5 * scale,
                            .answer_lost = 4 * scale,
                            .disk_error = 2,
                            .disk_full = 4};
}

bool weather_strikes(uint32_t once_in)
{
    return once_in != 0 && random_below(once_in) == 0;
}
