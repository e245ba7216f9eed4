# mailroot's build. `make run` shows it working, `make test` proves it; the rest is for developers.
#
#   make                  build/release: optimised, the programs we ship
#   make SAN=1            build/asan: clang, ASan + UBSan, debug checks
#   make TSAN=1           build/tsan: clang, ThreadSanitizer, for what uses threads
#   make fuzz             build/fuzz: one libFuzzer program per tests/fuzz/*_fuzz.c
#   make fuzz-long        each of them for an hour (FUZZ_SECONDS=...), results into doc/proof.md
#   make soak             an hour of a mixed load: nothing is lost, nothing grows
#   make fuzz-coverage    build/coverage: the lines of each parser that they reach
#   make reach            the lines and branches that all tests reach: build/reach (make REACH=1)
#                         and build/coverage, then tools/reach; about an hour
#
# Sources are found by folder, and one level of rooms in it. Every program is linked against all modules and libraries; the
# linker keeps only what is reached (--gc-sections, --as-needed), and tools/check-links holds the
# outcome against what each role may map.

PREFIX ?= /usr
LIBEXEC ?= $(PREFIX)/libexec/mailroot

ifdef COVERAGE
  BUILD ?= build/coverage
  CC := clang
  SANITIZE := -fsanitize=fuzzer-no-link -fprofile-instr-generate -fcoverage-mapping
  OPTIMIZE := -O1 -g
else ifdef REACH
  BUILD ?= build/reach
  CC := clang
  # Counts go to a file as they are made: a role may open none later, and some are killed.
  SANITIZE := -fprofile-instr-generate -fcoverage-mapping
  OPTIMIZE := -O1 -g -mllvm -runtime-counter-relocation
else ifdef FUZZ
  BUILD ?= build/fuzz
  CC := clang
  SANITIZE := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
  OPTIMIZE := -O1 -g
else ifdef SAN
  BUILD ?= build/asan
  CC := clang
  SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
  OPTIMIZE := -O1 -g
else ifdef TSAN
  BUILD ?= build/tsan
  CC := clang
  SANITIZE := -fsanitize=thread
  OPTIMIZE := -O1 -g
else
  BUILD ?= build/release
  CC := gcc
  OPTIMIZE := -O2 -g -D_FORTIFY_SOURCE=3
  # Indirect branches land where one was meant to land, on machines that check it.
  HARDEN := $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-fcf-protection=branch)
  HARDEN_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
endif

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wno-sign-conversion -Wno-missing-field-initializers $(if $(WERROR),-Werror)
ifndef SANITIZE
  WARNINGS += -Wframe-larger-than=4096
endif
CFLAGS := -std=gnu11 $(OPTIMIZE) $(SANITIZE) $(WARNINGS) -fno-omit-frame-pointer \
          -fstack-protector-strong -fstack-clash-protection $(HARDEN) -fPIE -ffunction-sections -fdata-sections
CPPFLAGS := $(if $(TSAN),-DMAILROOT_TSAN,$(if $(FUZZ)$(SAN),-DMAILROOT_ASAN)) -D_GNU_SOURCE -Isrc -Itests/unit -Itests -MMD -MP -DMAILROOT_LIBEXEC='"$(LIBEXEC)"'
LDFLAGS := -pie $(SANITIZE) $(HARDEN_LINK) -Wl,--gc-sections -Wl,--as-needed -rdynamic
LIBS := -lssl -lcrypto -lcrypt -lrocksdb -lunbound -lcurl -lseccomp -lgssapi_krb5 -lidn2 -lunistring -lpcre2-8 -lz -lzstd -ljansson -lpthread

MODULES := base sasl task net settings proc protolog mail sieve log index event directory store account routing decide folder queue \
           proto/line proto/smtp proto/pop3 proto/imap \
           proto/managesieve admin
MODULE_SOURCES := $(foreach module,$(MODULES),$(wildcard src/$(module)/*.c src/$(module)/*/*.c src/$(module)/*.S))
MAIN_SOURCES := $(wildcard src/main/*.c)
# What tests share: the other sources in tests/unit.
UNIT_SHARED := $(patsubst %.c,%.o,$(filter-out %_test.c,$(wildcard tests/unit/*.c)))
UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))

# src/main/mailroot.c is the command; src/main/role_X.c is the program of role X.
ROLES := $(patsubst src/main/role_%.c,%,$(filter src/main/role_%.c,$(MAIN_SOURCES)))
# Other names of the command: sendmail(8).
NAMES := sendmail mailq newaliases
PROGRAMS := $(if $(wildcard src/main/mailroot.c),$(BUILD)/bin/mailroot $(NAMES:%=$(BUILD)/names/%)) \
            $(ROLES:%=$(BUILD)/libexec/%)

object = $(BUILD)/obj/$(basename $(1)).o
MODULE_OBJECTS := $(foreach source,$(MODULE_SOURCES),$(call object,$(source)))
SHARED_MAIN_OBJECTS := $(foreach source,$(filter-out src/main/mailroot.c src/main/role_%.c,\
                         $(MAIN_SOURCES)),$(call object,$(source)))
LIBRARY := $(BUILD)/libmailroot.a

# V=1 shows the commands.
Q := $(if $(V),,@)

all: programs
programs: $(PROGRAMS)

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(BUILD)/obj/%.o: %.S Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -c -o $@ $<

# The texts of reports are in the program as they are.
$(BUILD)/obj/src/mail/report_shipped_files.o: $(wildcard share/reports/*.txt)

$(LIBRARY): $(MODULE_OBJECTS) $(SHARED_MAIN_OBJECTS)
	@rm -f $@
	$(Q)ar qcs $@ $^

$(BUILD)/bin/mailroot: $(BUILD)/obj/src/main/mailroot.o $(LIBRARY)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/names/%: $(BUILD)/bin/mailroot
	@mkdir -p $(@D)
	@ln -sf ../bin/mailroot $@

$(BUILD)/libexec/%: $(BUILD)/obj/src/main/role_%.o $(LIBRARY)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

unit-tests: $(UNIT_TESTS:%=$(BUILD)/unit/%) $(BUILD)/libfaults.so
# An archive, so that each test links only the fixtures it uses.
$(BUILD)/libtest.a: $(UNIT_SHARED:%=$(BUILD)/obj/%)
	@rm -f $@
	$(Q)ar rcs $@ $^
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/libtest.a $(LIBRARY)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka

# Calls that fail on demand (tests/faults), before libc: linked with fault_*_test, and given to
# programs by LD_PRELOAD. Nothing of it is in what we ship.
FAULTS := $(BUILD)/libfaults.so
$(FAULTS): $(wildcard tests/faults/*.c tests/faults/*.h)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 -g $(WARNINGS) -D_GNU_SOURCE -fPIC -fno-builtin -shared \
	    -Wl,-soname,$(@F) -o $@ $(filter %.c,$^)
$(patsubst %,$(BUILD)/unit/%,$(filter fault_%,$(UNIT_TESTS))): $(FAULTS)
$(patsubst %,$(BUILD)/unit/%,$(filter fault_%,$(UNIT_TESTS))): LDFLAGS += -Wl,-rpath,'$$ORIGIN/..' -Wl,--wrap=memory_ask

# What gives work to other threads, for ThreadSanitizer.
threads: $(patsubst %,$(BUILD)/unit/%,task_test log_test protolog_test imap_index_test)

# The simulation; see tests/sim/sim.c.
SIM_SOURCES := $(wildcard tests/sim/*.c)
simulation: $(BUILD)/sim
# Five minutes of it, with seeds of its own.
sim:
	SIM_SECONDS=300 tools/run-tests sim
# An hour of a mixed load on the real program; nothing may grow.
soak: all
	tests/soak.py
# Calls that its own stand before, so that it knows whose everything is: tests/sim/holdings.c, process.c.
SIM_WRAPS := malloc calloc realloc reallocarray strdup free mmap munmap open openat dup fcntl socket \
             socketpair accept4 memfd_create inotify_init1 recvmsg close ub_ctx_create ub_ctx_delete memory_draw \
             memory_give_back task_spawn task_offload task_offload_spare _Exit statvfs
$(BUILD)/sim: $(SIM_SOURCES:%.c=$(BUILD)/obj/%.o) $(LIBRARY)
	$(Q)$(CC) $(LDFLAGS) $(SIM_WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

# The disk whose power is cut, and syncs that do nothing; see tests/power_cuts.py.
power-cuts: $(BUILD)/powercut-disk $(BUILD)/libnosync.so
$(BUILD)/powercut-disk: tests/powercut/disk.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MF $(BUILD)/powercut-disk.d -o $@ $< -lfuse3
$(BUILD)/libnosync.so: tests/powercut/no_sync.c
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARNINGS) -fPIC -shared -o $@ $<

fuzz:
	$(MAKE) FUZZ=1 fuzzers
fuzz-long: fuzz
	tools/fuzz-long --seconds $(or $(FUZZ_SECONDS),3600) --record doc/proof.md
fuzz-coverage:
	$(MAKE) COVERAGE=1 fuzzers
	tools/fuzz-coverage --seconds $(or $(FUZZ_SECONDS),10)
reach:
	$(MAKE) REACH=1 all unit-tests simulation power-cuts
	$(MAKE) COVERAGE=1 fuzzers
	tools/reach
fuzzers: $(FUZZERS:%=$(BUILD)/%)
$(BUILD)/%_fuzz: $(BUILD)/obj/tests/fuzz/%_fuzz.o $(LIBRARY)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

# mailroot.conf(5) is made from the table of settings.
man: $(BUILD)/man/mailroot.conf.5
$(BUILD)/man/mailroot.conf.5: $(BUILD)/bin/mailroot
	@mkdir -p $(@D)
	$(Q)$< manual > $@

# DESTDIR is for packagers; PREFIX and LIBEXEC must be those it was built with.
install: programs man
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(LIBEXEC) $(DESTDIR)$(PREFIX)/share/man/man5 \
	    $(DESTDIR)$(PREFIX)/share/man/man8
	install $(BUILD)/bin/mailroot $(DESTDIR)$(PREFIX)/sbin/
	install $(wildcard $(BUILD)/libexec/*) $(DESTDIR)$(LIBEXEC)/
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib
	for name in sbin/sendmail lib/sendmail bin/mailq bin/newaliases; do \
	    if test -e $(DESTDIR)$(PREFIX)/$$name; then \
	        echo "$(PREFIX)/$$name is there already, and stays"; \
	    else \
	        ln -s ../sbin/mailroot $(DESTDIR)$(PREFIX)/$$name; \
	    fi; \
	done
	install -m 644 $(BUILD)/man/mailroot.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 doc/man/mailroot.8 doc/man/sendmail.8 $(DESTDIR)$(PREFIX)/share/man/man8/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/mailroot/reports
	install -m 644 share/reports/*.txt $(DESTDIR)$(PREFIX)/share/mailroot/reports/
	for name in mailq newaliases; do \
	    echo '.so man8/sendmail.8' > $(DESTDIR)$(PREFIX)/share/man/man1/$$name.1; done

run:
	tools/run-demo
test:
	tools/run-tests
clean:
	rm -rf build

bench: $(LIBRARY)
	bench/run

.PHONY: all programs man install bench unit-tests threads simulation sim soak power-cuts fuzz fuzz-long fuzz-coverage reach fuzzers run test clean
.SECONDARY:
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
