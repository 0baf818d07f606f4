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

VERIFIER_OBJ := $(filter-out %_test.o,$(call vmtests_objects,verifier)) $(LOADER_B)/obj/vmtests/lib/result.o
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

all: $(LOADER_B)/guest/verifier $(B)/guest/act $(B)/guest/again $(B)/bin/functional $(B)/bin/perf $(TABLES) \
	$(VMTESTS_BPF) $(VMTESTS_FIXTURES)

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
	$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $(filter %.bpf.c,$^) -o $@.tmp
	$(LLVM_STRIP) -g $@.tmp
	mv $@.tmp $@
endef

$(B)/fixtures/%.bpf.o: vmtests/fixtures/%.bpf.c $(VMLINUX_H) $(BPF_LIBBPF)/lib/libbpf.a
	$(vmtests_bpf)

$(OBJECTS_B)/bpf/floor.bpf.o: vmtests/perf/floor.bpf.c
$(OBJECTS_B)/bpf/planted.bpf.o: vmtests/fixtures/planted.bpf.c
$(VMTESTS_BPF): $(VMLINUX_H) $(BPF_LIBBPF)/lib/libbpf.a
	$(vmtests_bpf)

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

$(B)/tests/verifier_log_test: $(patsubst %,$(LOADER_B)/obj/vmtests/verifier/%.o,log_test log)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lcheck -lsubunit -ljansson -lm -lrt -lpthread

$(B)/tests/pktgen_test: $(patsubst %,$(LOADER_B)/obj/vmtests/perf/%.o,pktgen_test pktgen)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lcheck -lsubunit -lm -lrt -lpthread

-include $(VMTESTS_OBJ:.o=.d) $(wildcard $(B)/fixtures/*.d) $(wildcard $(VMTESTS_BPF:.o=.d))
