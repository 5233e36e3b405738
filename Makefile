# SPDX-License-Identifier: GPL-2.0-or-later
# Portcullis. `make help` lists the targets. Sources are found by folder: a new file needs no line here.

BUILD ?= build
CC    ?= gcc
SAN   ?=

VERSION := 0.1

WARN := -Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wvla -Wcast-qual \
        -Wstrict-prototypes -Wmissing-prototypes -Werror
HARD := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
        -ftrivial-auto-var-init=zero -fPIE
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
LIBS_DAEMON  := $(call pkg,libs,sqlite3 libmicrohttpd libseccomp libcap-ng) -lpcap
LIBS_CLI     := $(call pkg,libs,jansson)
LIBS_AGENT   := $(call pkg,libs,libsodium jansson libcurl)

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
LABT      := $(patsubst tests/lab/tools/%.c,$(BUILD)/lab/%,$(LABT_SRC))
# Unit tests may use any gateway, CLI or agent object but the ones that hold main().
TESTABLE  := $(call obj,$(filter-out %/main.c,$(DAEMON_SRC) $(CLI_SRC) $(AGENT_SRC)))
LIBTEST   := $(BUILD)/libtestable.a

.PHONY: all binaries unit lab-tools clean help
all: binaries lab-tools
binaries: $(DAEMON) $(CLI) $(AGENT)
unit: $(UNIT)
lab-tools: $(LABT)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(dir $@)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

define archive
	@rm -f $@
	$(AR) rcs $@ $^
endef
$(LIBPOLICY): $(call obj,$(POLICY_SRC)) ; $(archive)
$(LIBKERNEL): $(call obj,$(KERNEL_SRC)) ; $(archive)
$(LIBTEST): $(TESTABLE) ; $(archive)

$(DAEMON): $(call obj,$(DAEMON_SRC)) $(LIBKERNEL) $(LIBPOLICY)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_POLICY)
$(CLI): $(call obj,$(CLI_SRC)) $(LIBPOLICY)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_CLI) $(LIBS_POLICY)
$(AGENT): $(call obj,$(AGENT_SRC))
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_AGENT)
$(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIBTEST) $(LIBKERNEL) $(LIBPOLICY)
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_DAEMON) $(LIBS_KERNEL) $(LIBS_AGENT) $(LIBS_POLICY)
$(BUILD)/lab/%: $(BUILD)/obj/tests/lab/tools/%.o
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
