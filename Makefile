# SPDX-License-Identifier: GPL-2.0-or-later
# Portcullis. `make help` lists the targets. Sources are found by folder: a new file needs no line here.

BUILD ?= build
SAN   ?=
ifeq ($(origin CC),default)
CC := gcc
endif
# V=1 shows the commands.
Q := $(if $(V),,@)

VERSION := 0.1

# flag A,B: A if this compiler takes it, else B. Clang before 16 wants to be told that zero is meant.
flag = $(shell $(CC) $(1) -Werror -c -x c /dev/null -o /dev/null 2>/dev/null && echo '$(1)' || echo '$(2)')
CLANG14_ZERO := -ftrivial-auto-var-init=zero -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang

WARN := -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wvla -Wcast-qual \
        -Wstrict-prototypes -Wmissing-prototypes -Werror
HARD := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
        $(call flag,-ftrivial-auto-var-init=zero,$(CLANG14_ZERO)) -fPIE
LDHARD := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
ifeq ($(SAN),)
OPT := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
else
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all -DSANITIZED
LDSAN := -fsanitize=address,undefined
endif

pkg = $(shell pkg-config --$(1) $(2) 2>/dev/null)
CPPFLAGS += -I. -D_GNU_SOURCE -DVERSION=\"$(VERSION)\"
CFLAGS   += -std=gnu17 $(OPT) $(WARN) $(HARD) -MMD -MP
LDFLAGS  += $(LDHARD) $(LDSAN)

LIBS_POLICY  := $(call pkg,libs,libsodium jansson gnutls)
LIBS_KERNEL  := $(call pkg,libs,libmnl libnftnl)
LIBS_DAEMON  := $(call pkg,libs,sqlite3 libmicrohttpd libseccomp libcap-ng libb2 liboath libqrencode) -lpcap
LIBS_CLI     := $(call pkg,libs,jansson libqrencode)
LIBS_AGENT   := $(call pkg,libs,libsodium jansson libcurl)

# Files that are part of the daemon: a table of each folder (gateway/embed).
EMBED_console := admin/enrol/qr.js
EMBEDDED := console enrol portal
EMBED_SRC := $(patsubst %,$(BUILD)/gen/%_files.c,$(EMBEDDED))
EMBED_OBJ := $(EMBED_SRC:.c=.o)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
POLICY_SRC := $(wildcard policy/*.c)
KERNEL_SRC := $(wildcard kernel_rules/*.c)
DAEMON_SRC := $(wildcard gateway/*.c)
CLI_SRC    := $(wildcard admin/cli/*.c)
AGENT_SRC  := $(wildcard deploy/agent/*.c)
UNIT_SRC   := $(wildcard tests/unit/test_*.c)
LABT_SRC   := $(wildcard tests/lab/tools/*.c)

LIBPOLICY := $(BUILD)/libpolicy.a
LIBKERNEL := $(BUILD)/libkernel_rules.a
DAEMON    := $(BUILD)/portcullisd
CLI       := $(BUILD)/portcullis
AGENT     := $(BUILD)/portcullis-agent
UNIT      := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))
BENCHT    := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
FAULTAT   := $(BUILD)/faults/faultat
LEDGER    := $(BUILD)/audit/ledger
LABT      := $(patsubst tests/lab/tools/%.c,$(BUILD)/lab/%,$(LABT_SRC))
VMT       := $(patsubst tests/vm/%.c,$(BUILD)/vm/%,$(wildcard tests/vm/test_*.c))
# Unit tests may use any gateway, CLI or agent object but the ones that hold main().
TESTABLE  := $(call obj,$(filter-out %/main.c,$(DAEMON_SRC) $(CLI_SRC) $(AGENT_SRC))) $(EMBED_OBJ)
LIBTEST   := $(BUILD)/libtestable.a
MODEL     := $(BUILD)/model/driver

FUZZ_SRC   := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SRC))
REPLAY     := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%-replay,$(FUZZ_SRC))

all:
.PHONY: check-model check-faults all binaries unit lab-tools fuzz-replay fuzz fuzz-smoke check check-clang test layers demo lab-up lab-down \
        lab-shell bench-revoke bench-scale check-vm mutants coverage prepare install clean help
all: binaries lab-tools            ## build the daemon, the CLI, the agent and the lab's tools
binaries: $(DAEMON) $(CLI) $(AGENT)
unit: $(UNIT)
lab-tools: $(LABT) $(MODEL) $(FAULTAT) $(LEDGER) $(BENCHT)
fuzz-replay: $(REPLAY)

help:                              ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 16

prepare:                           ## install Debian's packages and the system users (root)
	@deploy/prepare

# Everything below is made of two steps: `prepare` needs the network, the rest does not.
check: prepare                     ## build with gcc and clang, run every test (root); SAN=1: under ASan and UBSan
	@$(MAKE) --no-print-directory -j$$(nproc) BUILD=$(CHECK_BUILD) all unit fuzz-replay >$(CHECK_LOG) 2>&1 || { cat $(CHECK_LOG); exit 1; }
ifeq ($(SAN),)
	@$(MAKE) --no-print-directory -j$$(nproc) check-clang
endif
	@tests/run $(CHECK_BUILD)

CHECK_BUILD := $(if $(SAN),$(BUILD)-san,$(BUILD))
CHECK_LOG   := $(CHECK_BUILD)-make.log

check-clang:                       ## compile everything with clang too, warnings are errors
	@$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)-clang binaries unit >$(BUILD)-clang.log 2>&1 || { cat $(BUILD)-clang.log; exit 1; }

test: all unit fuzz-replay         ## run suites without installing anything: make test SUITES="unit golden"
	@tests/run $(BUILD) $(SUITES)

layers: binaries                   ## do the arrows between the folders still point one way?
	@BUILD=$(BUILD) tests/layers

demo: prepare                      ## the story, on real parts (root); STAY=1 leaves the lab running
	@$(MAKE) --no-print-directory -j$$(nproc) all >$(BUILD)-make.log 2>&1 || { cat $(BUILD)-make.log; exit 1; }
	@BUILD=$(BUILD) STAY=$(STAY) tests/lab/demo

lab-up: all                        ## start the lab and leave it running (root)
	@BUILD=$(BUILD) tests/lab/up
lab-down:                          ## stop it and remove all of it
	@BUILD=$(BUILD) tests/lab/down
lab-shell:                         ## a shell on a machine of the lab: make lab-shell HOST=laptop
	@BUILD=$(BUILD) tests/lab/shell $(HOST)

# Each also by itself; QUICK=1: few sizes and runs. Figures are kept below $(BUILD)/bench.
BENCHES := packet revoke scale token flood handshake knock tunnel
.PHONY: bench bench-readme bench-build bench-packet bench-token bench-flood bench-handshake bench-knock bench-audit bench-tunnel bench-check
bench: bench-build                 ## all benches, under 15 minutes, then the README's table and plot (root)
	@for b in $(BENCHES); do BUILD=$(BUILD) tests/bench/$$b || exit 1; done
	@BUILD=$(BUILD) tests/bench/readme
bench-readme:                      ## put what the last `make bench` measured into README.md
	@BUILD=$(BUILD) tests/bench/readme --write
bench-build: all
bench-packet: bench-build          ## what a packet costs, beside other forms of rules
	@BUILD=$(BUILD) tests/bench/packet
bench-revoke: bench-build          ## revocations under load, beside a script and ocserv
	@BUILD=$(BUILD) tests/bench/revoke
bench-scale: bench-build           ## start, policy change and memory at 1,000 to 100,000 devices
	@BUILD=$(BUILD) tests/bench/scale
bench-token: bench-build           ## tokens a second, beside bare Ed25519
	@BUILD=$(BUILD) tests/bench/token
bench-flood: bench-build           ## honest traffic while denied packets are logged
	@BUILD=$(BUILD) tests/bench/flood
bench-handshake: bench-build       ## WireGuard handshakes while peers change
	@BUILD=$(BUILD) tests/bench/handshake
bench-knock: bench-build            ## handshakes classed per second, beside bare X25519
	@BUILD=$(BUILD) tests/bench/knock
bench-tunnel: bench-build           ## forwarding of the kernel's WireGuard, bare, with the rules, with the flowtable (qemu)
	@BUILD=$(BUILD) tests/bench/tunnel
bench-audit: bench-build            ## records a second into the audit log, beside bare fdatasync
	@BUILD=$(BUILD) tests/bench/audit
bench-check: bench-build           ## instruction counts beside the committed ones; UPDATE=1 writes them
	@BUILD=$(BUILD) tests/bench/check $(if $(UPDATE),--update)

check-vm: prepare                  ## the lab and a cold boot on Debian's own kernels in qemu (root): VM_ALL=1 VM_ONLY="test_revoke" KERNEL=6.12
	@$(MAKE) --no-print-directory -j$$(nproc) all unit $(VMT) >$(BUILD)-make.log 2>&1 || { cat $(BUILD)-make.log; exit 1; }
	@BUILD=$(BUILD) VM_ALL=$(VM_ALL) KERNEL=$(KERNEL) tests/vm/run $(VM_ONLY)

# Large tiers; both work in folders of their own and leave the tree alone.
check-faults: prepare all          ## faults at every point of each operation (root): SMOKE=1 OP=revoke FAULT=engine:kill N=7
	@BUILD=$(BUILD) tests/faults/run $(if $(SMOKE),--smoke,--all) $(OP) $(FAULT) $(if $(FAULT),$(N))

mutants:                           ## deliberate faults: which test notices each (root); JOBS=2 ID="one two"
	@tests/mutants/run $(BUILD)-mutants $(ID)

COVERAGE := $(BUILD)-coverage
coverage:                          ## line coverage of policy/ and kernel_rules/ (root); LINES=1: what no test ran
	@find $(COVERAGE) -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) --no-print-directory -j$$(nproc) BUILD=$(COVERAGE) CC=gcc OPT="-O0 -g --coverage" LDSAN=--coverage \
	    HARD=-fPIE WARN=-w unit fuzz-replay >$(COVERAGE).log 2>&1 || { cat $(COVERAGE).log; exit 1; }
	@tests/run $(COVERAGE) unit golden fuzz >$(COVERAGE).log 2>&1 || { cat $(COVERAGE).log; exit 1; }
	@tests/coverage $(COVERAGE) $(if $(LINES),--lines)

# Fuzzing: all targets for SECONDS each, or one: make fuzz TARGET=token SECONDS=600
TARGET  ?=
SECONDS ?= 60
FUZZ    := $(BUILD)-fuzz
fuzz:                              ## libFuzzer on each parser and on the engine: make fuzz TARGET=token SECONDS=60
	@$(MAKE) --no-print-directory -j$$(nproc) CC=clang BUILD=$(FUZZ) OPT="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -DSANITIZED" \
	    LDSAN="-fsanitize=fuzzer,address,undefined" \
	    $(patsubst %,$(FUZZ)/fuzz/fuzz_%,$(or $(TARGET),$(FUZZ_TARGETS))) >$(FUZZ).log 2>&1 || { cat $(FUZZ).log; exit 1; }
	@tests/fuzz/search $(FUZZ) $(SECONDS) $(TARGET)
fuzz-smoke: fuzz-replay            ## every committed input again, then 3 seconds of search on each target
	@BUILD=$(BUILD) tests/fuzz/replay
	@$(MAKE) --no-print-directory fuzz SECONDS=3

PREFIX  ?= /usr
install: binaries                  ## install programs, manual pages, units and examples below DESTDIR
	install -D -m 755 $(DAEMON) $(DESTDIR)$(PREFIX)/sbin/portcullisd
	install -D -m 755 $(CLI) $(DESTDIR)$(PREFIX)/bin/portcullis
	install -D -m 755 $(AGENT) $(DESTDIR)$(PREFIX)/bin/portcullis-agent
	install -D -m 755 deploy/verify/portcullis-verify $(DESTDIR)$(PREFIX)/bin/portcullis-verify
	for p in deploy/man/*.[1-8]; do install -D -m 644 $$p $(DESTDIR)$(PREFIX)/share/man/man$${p##*.}/$${p##*/}; done
	install -D -m 644 deploy/completion/portcullis.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/portcullis
	for u in deploy/systemd/*.service; do install -D -m 644 $$u $(DESTDIR)$(PREFIX)/lib/systemd/system/$${u##*/}; done
	install -D -m 644 deploy/systemd/portcullis.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/portcullis.conf
	install -D -m 644 deploy/systemd/portcullis.tmpfiles $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/portcullis.conf
	install -d -m 755 $(DESTDIR)/etc/portcullis $(DESTDIR)$(PREFIX)/share/doc/portcullis/examples
	install -m 644 deploy/examples/* $(DESTDIR)$(PREFIX)/share/doc/portcullis/examples
	for s in windows macos; do install -d -m 755 $(DESTDIR)$(PREFIX)/share/portcullis/agent/$$s; \
	    install -m 644 deploy/agent/$$s/* $(DESTDIR)$(PREFIX)/share/portcullis/agent/$$s; done

$(BUILD)/obj/gateway/openapi.o: admin/openapi.json
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  CC    $<')
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

.SECONDEXPANSION:
$(BUILD)/gen/%_files.c: gateway/embed $$(wildcard admin/$$* admin/$$*/*) $$(EMBED_$$*)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  EMBED admin/$*')
	$(Q)gateway/embed $*_files admin/$* $(EMBED_$*) >$@.new && mv $@.new $@
$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

define archive
	@rm -f $@
	$(Q)$(AR) rcsT $@ $^
endef
$(LIBPOLICY): $(call obj,$(POLICY_SRC)) ; $(archive)
$(LIBKERNEL): $(call obj,$(KERNEL_SRC)) ; $(archive)
$(LIBTEST): $(TESTABLE) ; $(archive)

$(DAEMON): $(call obj,$(DAEMON_SRC)) $(EMBED_OBJ) $(LIBKERNEL) $(LIBPOLICY)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_POLICY)
$(CLI): $(call obj,$(CLI_SRC)) $(LIBPOLICY)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_CLI) $(LIBS_POLICY)
$(AGENT): $(call obj,$(AGENT_SRC))
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_AGENT)
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBTEST) $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_AGENT) $(LIBS_POLICY)
$(BUILD)/vm/%: $(BUILD)/obj/tests/vm/%.o $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_KERNEL) $(LIBS_POLICY)
$(BUILD)/lab/%: $(BUILD)/obj/tests/lab/tools/%.o
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(LIBTEST) $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_AGENT) $(LIBS_POLICY)

$(MODEL): $(BUILD)/obj/tests/model/driver.o $(LIBTEST) $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_KERNEL) $(LIBS_POLICY)

# N verdicts from SEED (the time unless given): make check-model N=1000000 SEED=7
N    ?= 20000
SEED ?=
check-model: $(MODEL)              ## random policies, real packets, verdicts equal the model's (root): N=1000000 SEED=7
	@BUILD=$(BUILD) tests/model/run $(N) $(SEED)

$(LEDGER): $(BUILD)/obj/tests/audit/ledger.o $(LIBTEST) $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_AGENT) $(LIBS_POLICY)

$(BUILD)/faults/%: $(BUILD)/obj/tests/faults/%.o
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/fuzz/%-replay: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay_main.o $(LIBTEST) $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_AGENT) $(LIBS_POLICY)
$(BUILD)/fuzz/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(LIBTEST) $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	@$(if $(V),,echo '  LINK  $@')
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_AGENT) $(LIBS_POLICY)

clean:                             ## remove what was built
	rm -rf $(BUILD) $(BUILD)-clang $(BUILD)-san $(BUILD)-fuzz $(BUILD)-mutants $(BUILD)-coverage $(BUILD)*.log
.SECONDARY:

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
