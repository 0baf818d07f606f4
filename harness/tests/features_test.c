// SPDX-License-Identifier: GPL-2.0-only
/* What is pure of `vmtest kernels features`: configs, types, what a config takes away, skips. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "../host/features_impl.h"
#include "../host/features_skip.h"
#include "../host/kconfig.h"
#include "../host/util.h"
#include "runner.h"

static const char config[] = "#\n# Linux/x86 6.12.1 Kernel Configuration\n#\n"
			     "CONFIG_BPF_SYSCALL=y\nCONFIG_VETH=m\n# CONFIG_NETKIT is not set\n"
			     "CONFIG_LSM=\"yama,bpf,ipe\"\nCONFIG_HZ=250\nCONFIG_EMPTY=\"\"\n"
			     "CONFIG_LAST=y";

static const char *value(json_t *values, const char *option)
{
	return json_string_value(json_object_get(values, option));
}

START_TEST(config_text)
{
	json_t *values = kconfig_parse(config);

	ck_assert_ptr_nonnull(values);
	ck_assert_uint_eq(json_object_size(values), 6);
	ck_assert_str_eq(value(values, "BPF_SYSCALL"), "y");
	ck_assert_str_eq(value(values, "VETH"), "m");
	ck_assert_str_eq(value(values, "LSM"), "yama,bpf,ipe");
	ck_assert_str_eq(value(values, "HZ"), "250");
	ck_assert_str_eq(value(values, "EMPTY"), "");
	ck_assert_str_eq(value(values, "LAST"), "y");
	ck_assert_ptr_null(value(values, "NETKIT"));
	json_decref(values);
}
END_TEST

START_TEST(not_a_config)
{
	ck_assert_ptr_null(kconfig_parse(""));
	ck_assert_ptr_null(kconfig_parse("<html>no such page</html>\nCONFIG_\n"));
}
END_TEST

/* As kernel/configs.c leaves it in .rodata: marks around gzip, other data before and after. */
START_TEST(config_in_image)
{
	static char image[8192];
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	size_t used = 0, at = 1000;
	char *text;

	memset(image, 0xa5, sizeof(image));
	ck_assert_ptr_null(kconfig_in_image(image, sizeof(image)));
	memcpy(image + at, "IKCFG_ST", 8);
	archive_write_add_filter_gzip(a);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_in_last_block(a, 1);
	ck_assert_int_eq(archive_write_open_memory(a, image + at + 8, 4096, &used), ARCHIVE_OK);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_write_header(a, e);
	archive_write_data(a, config, strlen(config));
	archive_write_close(a);
	memcpy(image + at + 8 + used, "IKCFG_ED", 8);
	text = kconfig_in_image(image, sizeof(image));
	ck_assert_ptr_nonnull(text);
	ck_assert_str_eq(text, config);
	free(text);
	archive_entry_free(e);
	archive_write_free(a);
}
END_TEST

static struct features made(const char *release, json_t *values)
{
	json_t *entry = json_pack("{s:s, s:s}", "has", "yes", "evidence", "the enum");
	json_t *doc =
		json_pack("{s:s, s:b, s:b, s:s, s:{s:o}, s:{s:O}, s:{s:O}}", "release", release,
			  "btf", 1, "bpf", 1, "kfuncs", "sets", "map", "xskmap", entry, "helper",
			  "bpf_loop", entry, "kfunc", "bpf_ct_release", entry);

	if (values)
		json_object_set_new(doc, "config",
				    json_pack("{s:s, s:o}", "source", "test", "values", values));
	return (struct features){.doc = doc, .release = (char *)release};
}

static enum has asked(struct features *f, const char *name)
{
	char why[256];

	return features_has(f, name, why, sizeof(why));
}

/* The enum has it on every kernel; the config decides, and nobody's config decides nothing. */
START_TEST(config_decides)
{
	struct features on = made("6.1", json_pack("{s:s}", "XDP_SOCKETS", "y"));
	struct features off = made("6.1", json_pack("{s:s}", "BPF_SYSCALL", "y"));
	struct features nobody = made("6.1", NULL);

	needs_apply(on.doc);
	needs_apply(off.doc);
	needs_apply(nobody.doc);
	ck_assert_int_eq(asked(&on, "map:xskmap"), HAS_YES);
	ck_assert_int_eq(asked(&off, "map:xskmap"), HAS_NO);
	ck_assert_int_eq(asked(&nobody, "map:xskmap"), HAS_UNKNOWN);
	json_decref(on.doc);
	json_decref(off.doc);
	json_decref(nobody.doc);
}
END_TEST

/* 887596095ec2 freed sockmaps of BPF_STREAM_PARSER in 5.13. */
START_TEST(config_decided_once)
{
	static const struct {
		const char *release;
		enum has has;
	} cases[] = {{"5.10.0-46", HAS_NO}, {"5.13.1", HAS_YES}, {"6.1.0", HAS_YES}};
	json_t *values = json_pack("{s:s, s:s}", "NET", "y", "INET", "y");

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct features f = made(cases[i].release, json_incref(values));

		json_object_set_new(json_object_get(f.doc, "map"), "sockmap",
				    json_pack("{s:s, s:s}", "has", "yes", "evidence", ""));
		needs_apply(f.doc);
		ck_assert_msg(asked(&f, "map:sockmap") == cases[i].has, "%s", cases[i].release);
		json_decref(f.doc);
	}
	json_decref(values);
}
END_TEST

START_TEST(config_names)
{
	struct features f = made("6.12", kconfig_parse(config)), nobody = made("6.12", NULL);
	static const struct {
		const char *name;
		enum has has;
	} cases[] = {
		{"config:VETH", HAS_YES},	 {"config:VETH=m", HAS_YES},
		{"config:VETH=y", HAS_NO},	 {"config:NETKIT", HAS_NO},
		{"config:LSM=bpf", HAS_YES},	 {"config:LSM=yama", HAS_YES},
		{"config:LSM=ipe", HAS_YES},	 {"config:LSM=bp", HAS_NO},
		{"config:LSM=bpf,ipe", HAS_YES}, {"config:LSM=selinux", HAS_NO},
		{"config:HZ=250", HAS_YES},	 {"config:HZ=25", HAS_NO},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_msg(asked(&f, cases[i].name) == cases[i].has, "%s", cases[i].name);
		ck_assert_int_eq(asked(&nobody, cases[i].name), HAS_UNKNOWN);
	}
	json_decref(f.doc);
	json_decref(nobody.doc);
}
END_TEST

START_TEST(skips)
{
	struct features f = made("6.12", kconfig_parse(config)), nobody = made("6.12", NULL);
	static const struct {
		const char *missing;
		enum skip skip;
		const char *why; /* in the reason */
	} cases[] = {
		{"helper:bpf_new", SKIP_STANDS, "bpf_func_id"},
		{"helper:bpf_loop", SKIP_WRONG,
		 "skipped for helper:bpf_loop, which this kernel has: the enum"},
		{"config:NETKIT", SKIP_STANDS, "CONFIG_NETKIT is not set"},
		{"helper:bpf_new, config:NETKIT", SKIP_STANDS, ""},
		{"config:NETKIT,helper:bpf_loop", SKIP_WRONG, "helper:bpf_loop"},
		{"module:veth", SKIP_UNKNOWN, "module:veth is not known"},
		{"module:veth, helper:bpf_loop", SKIP_WRONG, "helper:bpf_loop"},
		{"helper:bpf_loop, config:NETKIT, module:veth", SKIP_WRONG, "helper:bpf_loop"},
		{"helper:bpf_new, module:veth", SKIP_UNKNOWN, "module:veth"},
		{"BPF LSM", SKIP_WRONG, "names no feature"},
		{"banana:split", SKIP_WRONG, "names no feature"},
		{"helper:", SKIP_WRONG, "names no feature"},
		{"field:sk_buff", SKIP_WRONG, "names no feature"},
		{"", SKIP_WRONG, "without naming"},
		{" , ", SKIP_WRONG, "names no feature"},
		{NULL, SKIP_WRONG, "without naming"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[512] = "";
		enum skip skip = features_check_skip(&f, NULL, cases[i].missing, why, sizeof(why));

		ck_assert_msg(skip == cases[i].skip && strstr(why, cases[i].why), "%s: %d, \"%s\"",
			      cases[i].missing, skip, why);
		ck_assert_ptr_null(strchr(why, '\n'));
		/* nobody knows: then no skip is contradicted, but one without a name still is wrong
		 */
		skip = features_check_skip(NULL, NULL, cases[i].missing, why, sizeof(why));
		ck_assert_int_eq(skip == SKIP_WRONG, strstr(cases[i].why, "nam") != NULL);
	}
	json_decref(f.doc);
	json_decref(nobody.doc);
}
END_TEST

START_TEST(skip_lines)
{
	struct features f = made("6.12", kconfig_parse(config));
	static const struct {
		const char *missing;
		enum skip skip;
		const char *reason;
	} cases[] = {
		{"config:NETKIT", SKIP_STANDS, "no device: CONFIG_NETKIT is not set"},
		{"helper:bpf_loop", SKIP_WRONG,
		 "skipped for helper:bpf_loop, which this kernel has: the enum; the test said: no device"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *line =
			json_pack("{s:s, s:s}", "missing", cases[i].missing, "reason", "no device");

		ck_assert_int_eq(skip_judge(&f, NULL, line), cases[i].skip);
		ck_assert_str_eq(value(line, "reason"), cases[i].reason);
		/* a FAIL has no "missing": harness/schema */
		ck_assert_int_eq(value(line, "missing") == NULL, cases[i].skip == SKIP_WRONG);
		json_decref(line);
	}
	json_decref(f.doc);
}
END_TEST

/* struct in { int deep; }; typedef struct in in_t;
 * struct out { union { long a; struct in x; }; in_t list[4]; const struct in *far; }; int
 * func(void) */
START_TEST(types)
{
	struct btf *btf = btf__new_empty();
	int integer = btf__add_int(btf, "int", 4, BTF_INT_SIGNED), in, in_t, anonymous, list, far;
	char why[256];
	static const struct {
		const char *kind, *name;
		bool has;
	} cases[] = {
		{"type", "in", true},	       {"type", "in_t", true},
		{"type", "i", false},	       {"type", "func", false},
		{"type", "inner", false},      {"func", "func", true},
		{"func", "in", false},	       {"field", "in.deep", true},
		{"field", "in_t.deep", true},  {"field", "out.a", true},
		{"field", "out.x.deep", true}, {"field", "out.list.deep", true},
		{"field", "out.far", true},    {"field", "out.far.deep", false},
		{"field", "out.deep", false},  {"field", "out.list.deep.x", false},
		{"field", "out.lis", false},   {"field", "ou.list", false},
	};

	in = btf__add_struct(btf, "in", 4);
	btf__add_field(btf, "deep", integer, 0, 0);
	in_t = btf__add_typedef(btf, "in_t", in);
	anonymous = btf__add_union(btf, NULL, 8);
	btf__add_field(btf, "a", integer, 0, 0);
	btf__add_field(btf, "x", in, 0, 0);
	list = btf__add_array(btf, integer, in_t, 4);
	far = btf__add_ptr(btf, btf__add_const(btf, in));
	btf__add_struct(btf, "out", 32);
	btf__add_field(btf, NULL, anonymous, 0, 0);
	btf__add_field(btf, "list", list, 64, 0);
	btf__add_field(btf, "far", far, 192, 0);
	btf__add_func(btf, "func", BTF_FUNC_GLOBAL, btf__add_func_proto(btf, integer));

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_msg(btf_has(btf, cases[i].kind, cases[i].name, why, sizeof(why)) ==
				      cases[i].has,
			      "%s:%s", cases[i].kind, cases[i].name);
	btf__free(btf);
}
END_TEST

int main(void)
{
	const struct test tests[] = {
		ONCE(config_text),    ONCE(not_a_config),	 ONCE(config_in_image),
		ONCE(config_decides), ONCE(config_decided_once), ONCE(config_names),
		ONCE(skips),	      ONCE(skip_lines),		 ONCE(types),
	};

	return RUN("features", tests);
}
