// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "orc.h"
#include "util.h"

/*
 * struct orc_entry, arch/x86/include/asm/orc_types.h: 16 bits signed sp_offset, 16 bits signed
 * bp_offset, then from the lowest bit sp_reg:4, bp_reg:4, type. The type has two bits, and `end`
 * and `signal` follow in an order that changed, before commit fb799447ae29 (6.4); three and a value
 * of its own for the end of a stack since. The numbers of the registers changed in the 7 series.
 * Since commit b9f174c811e3 (6.5) .orc_header holds a digest of that file's definitions: it tells
 * which.
 */
#define ORC_SIZE 6

enum orc_reg {
	NONE, /* or: unchanged */
	PREV_SP,
	DX,
	DI,
	BP,
	SP,
	R10,
	R13,
	BP_INDIRECT,
	SP_INDIRECT,
};

static const struct format {
	const char *digest; /* its beginning, or "": there is no .orc_header */
	bool long_type;
	enum orc_reg regs[16];
} formats[] = {
	{"", false, {NONE, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT}},
	{"\xfe\x5d\x32\xbf",
	 true,
	 {NONE, PREV_SP, DX, DI, BP, SP, R10, R13, BP_INDIRECT, SP_INDIRECT}},
	{"\x13\x7c\x36\xad",
	 true,
	 {NONE, NONE, DX, SP, BP, DI, R10, R13, PREV_SP, SP_INDIRECT, BP_INDIRECT}},
};

enum row_type { ROW_NONE, ROW_END, ROW_CALL, ROW_REGS, ROW_IRET };

struct row {
	uint64_t ip;
	enum row_type type;
	int sp_offset, bp_offset;
	enum orc_reg sp_reg, bp_reg;
};

/* System V ABI, AMD64, figure 3.36: the numbers DWARF has for the registers. */
enum { DW_RAX, DW_RDX, DW_RCX, DW_RBX, DW_RSI, DW_RDI, DW_RBP, DW_RSP, DW_R8, DW_RA = 16 };

/* DWARF 4, 7.23 and 7.7.1 */
enum {
	DW_CFA_OFFSET_EXTENDED_SF = 0x11,
	DW_CFA_ADVANCE_LOC4 = 0x04,
	DW_CFA_UNDEFINED = 0x07,
	DW_CFA_SAME_VALUE = 0x08,
	DW_CFA_DEF_CFA = 0x0c,
	DW_CFA_DEF_CFA_EXPRESSION = 0x0f,
	DW_CFA_EXPRESSION = 0x10,
	DW_OP_DEREF = 0x06,
	DW_OP_CONSTS = 0x11,
	DW_OP_PLUS = 0x22,
	DW_OP_BREG0 = 0x70,
};

#define DATA_ALIGN (-8)

/* A debugger reads a description from its start to the address it wants: not too many rows each. */
#define ROWS_MOST 64

struct section {
	unsigned char *data;
	size_t len, room;
};

static void put(struct section *s, const void *data, size_t len)
{
	if (s->len + len > s->room) {
		s->room = 2 * (s->len + len) + 4096;
		s->data = realloc(s->data, s->room);
		if (!s->data)
			abort();
	}
	memcpy(s->data + s->len, data, len);
	s->len += len;
}

static void put_byte(struct section *s, unsigned char byte)
{
	put(s, &byte, 1);
}

static void put_uleb(struct section *s, uint64_t v)
{
	do {
		put_byte(s, (v & 0x7f) | (v > 0x7f ? 0x80 : 0));
	} while (v >>= 7);
}

static void put_sleb(struct section *s, int64_t v)
{
	for (;;) {
		unsigned char byte = v & 0x7f;

		v >>= 7;
		if ((v == 0 && !(byte & 0x40)) || (v == -1 && (byte & 0x40))) {
			put_byte(s, byte);
			return;
		}
		put_byte(s, byte | 0x80);
	}
}

/* The register is saved at this distance from the frame's address. */
static void put_saved(struct section *s, unsigned reg, int offset)
{
	put_byte(s, DW_CFA_OFFSET_EXTENDED_SF);
	put_uleb(s, reg);
	put_sleb(s, offset / DATA_ALIGN);
}

static void put_expression(struct section *s, const struct section *e)
{
	put_uleb(s, e->len);
	put(s, e->data, e->len);
	free(e->data);
}

/* Begins an entry; its length is filled in by end_entry(). */
static size_t begin_entry(struct section *s)
{
	size_t at = s->len;

	put(s, &(uint32_t){0}, 4);
	return at;
}

static void end_entry(struct section *s, size_t at)
{
	uint32_t len;

	while ((s->len - at - 4) % 8)
		put_byte(s, 0); /* DW_CFA_nop */
	len = s->len - at - 4;
	memcpy(s->data + at, &len, 4);
}

static size_t begin_common(struct section *s, const char *augmentation)
{
	size_t at = begin_entry(s);

	put(s, &(uint32_t){0xffffffff}, 4);
	put_byte(s, 1); /* version */
	put(s, augmentation, strlen(augmentation) + 1);
	put_uleb(s, 1);
	put_sleb(s, DATA_ALIGN);
	put_byte(s, DW_RA);
	return at;
}

/* An ordinary frame: of the registers a function must keep, ORC follows RBP alone. */
static size_t common_call(struct section *s)
{
	static const unsigned char unknown[] = {DW_RBX, 12, 13, 14, 15};
	size_t at = begin_common(s, "");

	put_saved(s, DW_RA, -8);
	for (size_t i = 0; i < sizeof(unknown); i++) {
		put_byte(s, DW_CFA_UNDEFINED);
		put_uleb(s, unknown[i]);
	}
	end_entry(s, at);
	return at;
}

/*
 * A frame at struct pt_regs (arch/x86/include/asm/ptrace.h), or at the part of it that the
 * processor wrote. "S": what was interrupted stands exactly at its address, not behind a call.
 */
static size_t common_regs(struct section *s, enum row_type type, const char *augmentation)
{
	static const unsigned char order[] = {15, 14,	 13,	 12,	 DW_RBP, DW_RBX, 11,	10,
					      9,  DW_R8, DW_RAX, DW_RCX, DW_RDX, DW_RSI, DW_RDI};
	int iret = type == ROW_REGS ? 128 : 0; /* RIP, CS, RFLAGS, RSP, SS */
	size_t at = begin_common(s, augmentation);

	for (size_t i = 0; type == ROW_REGS && i < sizeof(order); i++)
		put_saved(s, order[i], 8 * i);
	put_saved(s, DW_RA, iret);
	put_saved(s, DW_RSP, iret + 24);
	end_entry(s, at);
	return at;
}

/* Where no stack goes on. */
static size_t common_end(struct section *s)
{
	size_t at = begin_common(s, "");

	put_byte(s, DW_CFA_UNDEFINED);
	put_uleb(s, DW_RA);
	end_entry(s, at);
	return at;
}

static int dwarf_reg(enum orc_reg reg)
{
	switch (reg) {
	case DX:
		return DW_RDX;
	case DI:
		return DW_RDI;
	case BP:
	case BP_INDIRECT:
		return DW_RBP;
	case SP:
	case SP_INDIRECT:
		return DW_RSP;
	case R10:
		return 10;
	case R13:
		return 13;
	default:
		return -1;
	}
}

static void put_row(struct section *s, const struct row *r)
{
	bool indirect = r->sp_reg == BP_INDIRECT || r->sp_reg == SP_INDIRECT;
	struct section e = {0};

	if (r->type == ROW_END) {
		put_byte(s, DW_CFA_DEF_CFA);
		put_uleb(s, DW_RSP);
		put_uleb(s, 0);
		return;
	}
	if (!indirect && r->sp_offset >= 0) {
		put_byte(s, DW_CFA_DEF_CFA);
		put_uleb(s, dwarf_reg(r->sp_reg));
		put_uleb(s, r->sp_offset);
	} else {
		/* unwind_next_frame(): *(bp + offset), but *sp + offset */
		put_byte(&e, DW_OP_BREG0 + dwarf_reg(r->sp_reg));
		put_sleb(&e, r->sp_reg == SP_INDIRECT ? 0 : r->sp_offset);
		if (indirect)
			put_byte(&e, DW_OP_DEREF);
		if (r->sp_reg == SP_INDIRECT) {
			put_byte(&e, DW_OP_CONSTS);
			put_sleb(&e, r->sp_offset);
			put_byte(&e, DW_OP_PLUS);
		}
		put_byte(s, DW_CFA_DEF_CFA_EXPRESSION);
		put_expression(s, &e);
	}
	if (r->type != ROW_CALL)
		return;
	if (r->bp_reg == PREV_SP) {
		put_saved(s, DW_RBP, r->bp_offset);
	} else if (r->bp_reg == BP) {
		e = (struct section){0};
		put_byte(&e, DW_OP_BREG0 + DW_RBP);
		put_sleb(&e, r->bp_offset);
		put_byte(s, DW_CFA_EXPRESSION);
		put_uleb(s, DW_RBP);
		put_expression(s, &e);
	} else {
		put_byte(s, DW_CFA_SAME_VALUE);
		put_uleb(s, DW_RBP);
	}
}

static struct row read_row(const struct orc_table *t, const struct format *f, size_t i)
{
	int16_t sp_offset, bp_offset;
	uint16_t bits;
	int32_t distance;
	unsigned type;
	struct row r;

	memcpy(&distance, t->ips + 4 * i, 4);
	memcpy(&sp_offset, t->entries + ORC_SIZE * i, 2);
	memcpy(&bp_offset, t->entries + ORC_SIZE * i + 2, 2);
	memcpy(&bits, t->entries + ORC_SIZE * i + 4, 2);
	r = (struct row){
		t->ips_addr + 4 * i + distance, ROW_NONE, sp_offset, bp_offset, f->regs[bits & 15],
		f->regs[bits >> 4 & 15]};
	if (f->long_type) {
		type = bits >> 8 & 7;
		r.type = type <= ROW_IRET ? (enum row_type)type : ROW_NONE;
	} else if (r.sp_reg == NONE) {
		r.type = bits >> 10 ? ROW_END : ROW_NONE;
	} else {
		type = bits >> 8 & 3;
		r.type = type < 3 ? (enum row_type)(ROW_CALL + type) : ROW_NONE;
	}
	if (r.type > ROW_END && dwarf_reg(r.sp_reg) < 0)
		r.type = ROW_NONE;
	return r;
}

static size_t begin_rows(struct section *s, size_t common, uint64_t from, uint64_t to)
{
	size_t at = begin_entry(s);
	uint32_t common_at = common;
	uint64_t len = to - from;

	put(s, &common_at, 4);
	put(s, &from, 8);
	put(s, &len, 8);
	return at;
}

/*
 * Modules and what is compiled at run time lie above the kernel and have no table here. As the
 * kernel itself does where it has none: by frame pointers, which BPF programs keep.
 */
static void put_beyond(struct section *s, size_t common, uint64_t from)
{
	static const struct row framed = {0, ROW_CALL, 16, -16, BP, PREV_SP};
	size_t at = begin_rows(s, common, from, 0xffffffffff000000); /* MODULES_END */

	put_row(s, &framed);
	end_entry(s, at);
}

static const struct format *find_format(const struct orc_table *t)
{
	for (size_t i = t->header ? 1 : 0; i < ARRAY_SIZE(formats); i++)
		if (!t->header || !memcmp(t->header, formats[i].digest, strlen(formats[i].digest)))
			return &formats[i];
	return NULL;
}

void *orc_to_debug_frame(const struct orc_table *t, size_t *len)
{
	const struct format *f = find_format(t);
	size_t commons[ROW_IRET + 1], system_call;
	struct section s = {0};
	struct row *rows;

	if (!f)
		return NULL;
	commons[ROW_END] = common_end(&s);
	commons[ROW_CALL] = common_call(&s);
	commons[ROW_REGS] = common_regs(&s, ROW_REGS, "S");
	commons[ROW_IRET] = common_regs(&s, ROW_IRET, "S");
	system_call = common_regs(&s, ROW_REGS, "");
	rows = xcalloc(t->count + 1, sizeof(*rows));
	for (size_t i = 0; i < t->count; i++)
		rows[i] = read_row(t, f, i);
	rows[t->count].ip = t->end;
	for (size_t i = 0, n; i < t->count; i += n) {
		const struct row *first = &rows[i];
		/* A system call comes from user space: better its name than an exact address. */
		bool call = first->type == ROW_REGS && first->ip >= t->call_lo &&
			    first->ip < t->call_hi;
		size_t at;

		for (n = 1; n < ROWS_MOST && i + n < t->count; n++)
			if (first[n].type != first->type || first[n].ip == t->call_lo ||
			    first[n].ip == t->call_hi)
				break;
		if (first->type == ROW_NONE || first[n].ip <= first->ip)
			continue;
		at = begin_rows(&s, call ? system_call : commons[first->type], first->ip,
				first[n].ip);
		for (size_t j = 0; j < n; j++) {
			uint32_t step = j ? first[j].ip - first[j - 1].ip : 0;

			if (step) {
				put_byte(&s, DW_CFA_ADVANCE_LOC4);
				put(&s, &step, 4);
			}
			put_row(&s, &first[j]);
		}
		end_entry(&s, at);
	}
	put_beyond(&s, commons[ROW_CALL], t->end);
	free(rows);
	*len = s.len;
	return s.data;
}
