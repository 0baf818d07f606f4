# SPDX-License-Identifier: GPL-2.0-only
#
# The suites (static guest programs), their tables of packets, the fixtures of the harness tests, and
# the host test of what can be tested without BPF.

VMTESTS_CPPFLAGS := -Ibpf-src/include -Iloader/include -isystem $(LIBBPF_INC) \
	$(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I libnl-route-3.0))

VMTESTS_SRC := $(filter-out %.bpf.c,$(wildcard vmtests/*/*.c))
VMTESTS_OBJ := $(VMTESTS_SRC:%.c=$(LOADER_B)/obj/%.o)
# $(call vmtests_objects,FOLDER): the objects of one folder
vmtests_objects = $(filter $(LOADER_B)/obj/vmtests/$(1)/%,$(VMTESTS_OBJ))

# The loader reads the same log when a program of its own is refused.
VERIFIER_LOG_OBJ := $(LOADER_B)/obj/loader/lib/verifier_log.o
VERIFIER_OBJ := $(filter-out %_test.o,$(call vmtests_objects,verifier)) $(VERIFIER_LOG_OBJ) \
	$(LOADER_B)/obj/vmtests/lib/result.o
FUNCTIONAL_OBJ := $(call vmtests_objects,functional) \
	$(patsubst %,$(LOADER_B)/obj/vmtests/lib/%.o,result checkrun datapath net fou)
PERF_OBJ := $(filter-out %_test.o,$(call vmtests_objects,perf)) \
	$(patsubst %,$(LOADER_B)/obj/vmtests/lib/%.o,result datapath net)

# Objects that are not the datapath's, but are built by every compiler as it is
VMTESTS_BPF := $(patsubst %,$(OBJECTS_B)/bpf/%.bpf.o,floor planted)
VMTESTS_FIXTURES := $(patsubst vmtests/fixtures/%.c,$(B)/fixtures/%.o,$(filter-out %/planted.bpf.c,$(wildcard vmtests/fixtures/*.bpf.c))) \
	$(patsubst vmtests/fixtures/%.py,$(B)/fixtures/%.json,$(wildcard vmtests/fixtures/*.py))

# One table per file of cases
TABLES := $(patsubst vmtests/functional/%_cases.py,$(B)/vmtests/%.json,$(filter-out %/gen_cases.py,\
	$(wildcard vmtests/functional/*_cases.py)))

all: $(LOADER_B)/guest/verifier $(B)/guest/act $(B)/guest/again $(B)/guest/probe $(B)/bin/functional $(B)/bin/perf $(TABLES) \
	$(VMTESTS_BPF) $(VMTESTS_FIXTURES)

$(LOADER_B)/obj/vmtests/verifier/%.o: VMTESTS_CPPFLAGS += -Iloader/lib

# libbpf's headers are made with its library
$(VMTESTS_OBJ): $(LOADER_B)/obj/%.o: %.c | $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(VMTESTS_CPPFLAGS) -MMD -MP -c $< -o $@

# verifier/load.c says why libbpf's system call is wrapped
$(LOADER_B)/guest/verifier: $(VERIFIER_OBJ) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -Wl,--wrap=bpf_prog_load -o $@ $^ -ljansson -lelf -lz

# What the tests of processes run.
$(B)/guest/act: $(LOADER_B)/obj/vmtests/act/act.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -o $@ $^

$(B)/guest/probe: $(LOADER_B)/obj/vmtests/act/probe.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -o $@ $^

$(B)/guest/again: vmtests/act/again.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -nostdlib -ffreestanding -fno-pie -no-pie -fno-stack-protector \
		-Wl,--build-id=none,-z,noseparate-code -s -o $@ $<

# libnl can look names up, for which a static program would need the shared libc; nothing here does,
# so the linker is kept from warning about it at every build.
$(B)/bin/functional: $(FUNCTIONAL_OBJ) $(LIBCOREPATH_A) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -Wl,--no-warnings -o $@ $^ -lcheck -lsubunit -ljansson -lnl-route-3 -lnl-3 \
		-lyaml -lelf -lz -lm -lrt -lpthread

$(B)/bin/perf: $(PERF_OBJ) $(LIBCOREPATH_A) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -Wl,--no-warnings -o $@ $^ -ljansson -lnl-route-3 -lnl-3 -lyaml -lelf -lz -lm \
		-lpthread

# $(BPF_CFLAGS) is bpf-src's: fixtures are compiled as the datapath is
define vmtests_bpf
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $(firstword $(filter %.bpf.c,$^)) -o $@.tmp
	$(LLVM_STRIP) -g $@.tmp
	mv $@.tmp $@
endef

$(B)/fixtures/%.bpf.o: vmtests/fixtures/%.bpf.c $(VMLINUX_H) $(BPF_LIBBPF)/lib/libbpf.a
	$(vmtests_bpf)

$(OBJECTS_B)/bpf/floor.bpf.o: vmtests/perf/floor.bpf.c
$(OBJECTS_B)/bpf/planted.bpf.o: vmtests/fixtures/planted.bpf.c
$(VMTESTS_BPF): $(VMLINUX_H) $(BPF_LIBBPF)/lib/libbpf.a
	$(vmtests_bpf)

# Other versions of corepath, for the tests of upgrades. The next one is these same makefiles with other
# headers; the broken ones are this one with another prefilter.
NEXT_B := $(TOP_B)/fixtures/next
NEXT_HEADERS := $(wildcard loader/include/*.h bpf-src/include/corepath/*.h)
BROKEN := $(patsubst %,$(TOP_B)/fixtures/corepath_%,refused deaf)
ifeq ($(BUILD_OF),)
all: $(TOP_B)/fixtures/corepath_next $(BROKEN)
endif

$(NEXT_B)/include/corepath.h: vmtests/fixtures/next/headers.py $(NEXT_HEADERS)
	$(PYTHON) -B $< $(NEXT_B)/include $(NEXT_HEADERS)

$(TOP_B)/fixtures/corepath_next: $(B)/bin/corepath $(NEXT_B)/include/corepath.h
	+$(MAKE) -s BUILD_OF=next TOP_B=$(TOP_B) B=$(NEXT_B) LOADER_B=$(NEXT_B) OBJECTS_B=$(NEXT_B) \
		LIBBPF_B=$(LIBBPF_B) ABI_INC=$(NEXT_B)/include \
		LOADER_INC=$(NEXT_B)/include $(NEXT_B)/bin/corepath
	cp $(NEXT_B)/bin/corepath $@

$(B)/fixtures/%/xdp_prefilter.skel.h: $(B)/fixtures/upgrade_%.bpf.o
	@mkdir -p $(@D)
	$(BPFTOOL) gen skeleton $< name xdp_prefilter > $@.tmp
	mv $@.tmp $@

# Its own up.o comes before the library's, which is then not taken.
$(BROKEN): $(TOP_B)/fixtures/corepath_%: $(B)/fixtures/%/xdp_prefilter.skel.h loader/lib/up.c $(B)/bin/corepath
	$(CC) $(CFLAGS) -isystem $(<D) $(LOADER_CPPFLAGS) -c loader/lib/up.c -o $(<D)/up.o
	$(CC) $(CFLAGS) -static -o $@ $(call loader_objects,cmd) $(<D)/up.o $(LIBCOREPATH_A) $(LIBBPF_A) $(LOADER_LIBS)

# The programs of the golden logs; made by hand when logs are taken (vmtests/verifier/README.md).
$(B)/vmtests/rejects.bpf.o: vmtests/verifier/testdata/rejects.bpf.c $(VMLINUX_H) $(BPF_LIBBPF)/lib/libbpf.a
	$(vmtests_bpf)

GEN_CASES := vmtests/functional/gen_cases.py

$(TABLES): $(B)/vmtests/%.json: vmtests/functional/%_cases.py $(GEN_CASES) vmtests/functional/lb_table.py \
	vmtests/functional/snat_table.py vmtests/functional/tc_table.py
	@mkdir -p $(@D)
	$(PYTHON) -B $(GEN_CASES) $< $@

$(B)/fixtures/%.json: vmtests/fixtures/%.py $(GEN_CASES)
	@mkdir -p $(@D)
	$(PYTHON) -B $(GEN_CASES) $< $@

# Host tests: parsers, which need no BPF. Each finds its data from the tree's top.
HOST_TESTS += $(B)/tests/verifier_log_test $(B)/tests/pktgen_test

$(B)/tests/verifier_log_test: $(LOADER_B)/obj/vmtests/verifier/log_test.o $(VERIFIER_LOG_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lcheck -lsubunit -ljansson -lm -lrt -lpthread

$(B)/tests/pktgen_test: $(patsubst %,$(LOADER_B)/obj/vmtests/perf/%.o,pktgen_test pktgen)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lcheck -lsubunit -lm -lrt -lpthread

-include $(VMTESTS_OBJ:.o=.d) $(wildcard $(B)/fixtures/*.d) $(wildcard $(VMTESTS_BPF:.o=.d))
