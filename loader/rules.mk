# SPDX-License-Identifier: GPL-2.0-only
# libcorepath.a, the corepath command, and the unit tests of what needs no kernel.

LOADER_CPPFLAGS := -I$(LOADER_INC) -I$(ABI_INC) -isystem $(LIBBPF_INC) -isystem $(OBJECTS_B)/bpf
LOADER_SRC := $(wildcard loader/*/*.c)
# What the skeletons are compiled into depends on libbpf and on clang, the rest on libbpf alone.
SKEL_SRC := $(shell grep -l '[.]skel[.]h"' $(LOADER_SRC))
SKEL_OBJ := $(SKEL_SRC:%.c=$(B)/obj/%.o)
PLAIN_OBJ := $(patsubst %.c,$(LOADER_B)/obj/%.o,$(filter-out $(SKEL_SRC),$(LOADER_SRC)))
LOADER_OBJ := $(SKEL_OBJ) $(PLAIN_OBJ)
# $(call loader_objects,FOLDER): the objects of one folder
loader_objects = $(filter $(B)/obj/loader/$(1)/% $(LOADER_B)/obj/loader/$(1)/%,$(LOADER_OBJ))

LIBCOREPATH_A := $(B)/libcorepath.a
# What the command is linked with.
LOADER_LIBS := -ljansson -lyaml -lelf -lz

all: $(LIBCOREPATH_A) $(B)/bin/corepath

# libbpf's headers are made with its library. -fPIC for the shared library (packaging.mk).
define loader_compile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fPIC $(LOADER_CPPFLAGS) -MMD -MP -c $< -o $@
endef

$(PLAIN_OBJ): $(LOADER_B)/obj/%.o: %.c loader/rules.mk | $(LIBBPF_A)
	$(loader_compile)

# -MMD leaves out what is found by -isystem, and the skeletons are
$(SKEL_OBJ): $(B)/obj/%.o: %.c $(BPF_SKEL) loader/rules.mk | $(LIBBPF_A)
	$(loader_compile)

$(LIBCOREPATH_A): $(call loader_objects,lib)
	rm -f $@
	ar rcsD $@ $^

# Static, so that the binary the VMs test is the binary that ships, and it runs where there is
# nothing else.
$(B)/bin/corepath: $(call loader_objects,cmd) $(LIBCOREPATH_A) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -o $@ $^ $(LOADER_LIBS)

# Linked with the HTTP library of the distribution, which has no static form: a program beside the command.
all: $(B)/bin/corepath-metrics

$(B)/bin/corepath-metrics: $(call loader_objects,exporter) $(LIBCOREPATH_A) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lmicrohttpd -lyaml -lelf -lz

LOADER_TESTS := $(patsubst loader/tests/%.c,$(B)/tests/%,$(wildcard loader/tests/*_test.c))
HOST_TESTS += $(LOADER_TESTS)

$(LOADER_TESTS): $(B)/tests/%: $(LOADER_B)/obj/loader/tests/%.o $(LIBCOREPATH_A) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) -lyaml -lelf -lz -lcheck -lsubunit -lm -lrt -lpthread

# They test a part of the command.
$(B)/tests/filter_test: $(LOADER_B)/obj/loader/cmd/filter.o
$(B)/tests/recording_test: $(LOADER_B)/obj/loader/cmd/recording.o
$(B)/tests/metrics_test: $(LOADER_B)/obj/loader/cmd/rates.o

check-host: $(LOADER_TESTS)

-include $(LOADER_OBJ:.o=.d)
