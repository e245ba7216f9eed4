/* Words that are met though letters are wrong. */
#include "mail/fuzzy.h"
#include "test.h"

static unsigned score(struct text wanted, struct text text)
{
    struct fuzzy fuzzy;
    fuzzy_init(&fuzzy, wanted);
    fuzzy_feed(&fuzzy, text);
    fuzzy_break(&fuzzy);
    unsigned score = fuzzy_score(&fuzzy);
    fuzzy_finish(&fuzzy);
    return score;
}

TEST("the text as it is comes before its words, and these before what comes near them")
{
    struct text wanted = TEXT("quick brown");
    unsigned same = score(wanted, TEXT("the quick brown fox"));
    unsigned words = score(wanted, TEXT("brown is quick"));
    unsigned longer = score(wanted, TEXT("brownish and quickly"));
    unsigned wrong = score(wanted, TEXT("borwn or quikc"));
    EXPECT(same == FUZZY_BEST && same > words && words > longer && longer > wrong && wrong > 0);
}

TEST("every word must be met")
{
    EXPECT(score(TEXT("quick brown"), TEXT("a quick fox")) == 0);
    EXPECT(score(TEXT("quick"), TEXT("")) == 0);
    EXPECT(score(TEXT("!"), TEXT("a b")) == 0);
    EXPECT(score(TEXT("!"), TEXT("a! b")) == FUZZY_BEST);
}

TEST("short words must be right, long ones may have two letters wrong")
{
    EXPECT(score(TEXT("cat"), TEXT("car")) == 0);
    EXPECT(score(TEXT("cats"), TEXT("cars")) > 0);
    EXPECT(score(TEXT("cats"), TEXT("arts")) == 0);
    EXPECT(score(TEXT("relevancy"), TEXT("relavence")) == 0);
    EXPECT(score(TEXT("relevancy"), TEXT("relavanci")) > 0);
}

TEST("a word that is cut off before is no word")
{
    struct fuzzy fuzzy;
    fuzzy_init(&fuzzy, TEXT("bcd ef"));
    fuzzy_feed(&fuzzy, TEXT("abcd "));
    fuzzy_feed(&fuzzy, TEXT("xx "));
    fuzzy_feed(&fuzzy, TEXT("ef "));
    fuzzy_break(&fuzzy);
    EXPECT(fuzzy_score(&fuzzy) == (60 + 90) / 2);
    fuzzy_finish(&fuzzy);
}
