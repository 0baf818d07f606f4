// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>
#include <linux/bpf.h>

#include "needs_calls.h"
#include "util.h"

#define INSN sizeof(struct bpf_insn)

/* Symbols are kept by their number in the file; only those of code have `code`. */
struct symbol {
	const char *name;
	uint64_t value, size;
	unsigned section;
	unsigned char type, bind;
	bool walked;
};

struct code {
	const char *name;
	const struct bpf_insn *insns;
	size_t n;
	unsigned *target; /* for each instruction the symbol it is relocated by; 0: none */
};

struct calls {
	int fd;
	Elf *elf;
	struct symbol *symbols;
	size_t symbols_n;
	struct code *code; /* by section number */
	size_t sections_n;
	const char **kfuncs;
};

static void read_symbols(struct calls *c, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);

	c->symbols_n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	c->symbols = xcalloc(c->symbols_n + 1, sizeof(*c->symbols));
	for (size_t i = 0; i < c->symbols_n; i++) {
		GElf_Sym s;

		if (!gelf_getsym(data, i, &s))
			continue;
		c->symbols[i] = (struct symbol){
			.name = elf_strptr(c->elf, header->sh_link, s.st_name),
			.value = s.st_value,
			.size = s.st_size,
			.section = s.st_shndx,
			.type = GELF_ST_TYPE(s.st_info),
			.bind = GELF_ST_BIND(s.st_info),
		};
	}
}

static void read_code(struct calls *c, Elf_Scn *section, const char *name)
{
	Elf_Data *data = elf_getdata(section, NULL);
	struct code *code = &c->code[elf_ndxscn(section)];

	if (!data || !data->d_buf)
		return;
	code->name = name;
	code->insns = data->d_buf;
	code->n = data->d_size / INSN;
	code->target = xcalloc(code->n + 1, sizeof(*code->target));
}

static void read_relocations(struct calls *c, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	struct code *code = header->sh_info < c->sections_n ? &c->code[header->sh_info] : NULL;

	for (size_t i = 0; code && i < n; i++) {
		GElf_Rel r;

		if (gelf_getrel(data, i, &r) && r.r_offset / INSN < code->n &&
		    GELF_R_SYM(r.r_info) < c->symbols_n)
			code->target[r.r_offset / INSN] = GELF_R_SYM(r.r_info);
	}
}

/* Calls relocated by a symbol the object does not define. */
static void find_kfuncs(struct calls *c)
{
	bool *called = xcalloc(c->symbols_n + 1, sizeof(*called));
	size_t n = 0;

	for (size_t s = 0; s < c->sections_n; s++)
		for (size_t i = 0; i < c->code[s].n; i++)
			if (c->code[s].insns[i].code == (BPF_JMP | BPF_CALL))
				called[c->code[s].target[i]] = true;
	c->kfuncs = xcalloc(c->symbols_n + 1, sizeof(*c->kfuncs));
	for (size_t i = 1; i < c->symbols_n; i++)
		if (called[i] && c->symbols[i].section == SHN_UNDEF &&
		    c->symbols[i].bind != STB_WEAK && c->symbols[i].name)
			c->kfuncs[n++] = c->symbols[i].name;
	free(called);
}

static bool read_sections(struct calls *c)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrnum(c->elf, &c->sections_n) || elf_getshdrstrndx(c->elf, &names))
		return false;
	c->code = xcalloc(c->sections_n + 1, sizeof(*c->code));
	while ((section = elf_nextscn(c->elf, section))) {
		GElf_Shdr header;

		if (!gelf_getshdr(section, &header))
			return false;
		if (header.sh_type == SHT_SYMTAB && !c->symbols)
			read_symbols(c, section, &header);
		else if (header.sh_type == SHT_PROGBITS && header.sh_flags & SHF_EXECINSTR)
			read_code(c, section, elf_strptr(c->elf, names, header.sh_name));
	}
	while ((section = elf_nextscn(c->elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) && header.sh_type == SHT_REL)
			read_relocations(c, section, &header);
	}
	return c->symbols;
}

struct calls *calls_open(const char *path)
{
	struct calls *c = xcalloc(1, sizeof(*c));
	GElf_Ehdr header;

	c->fd = open(path, O_RDONLY | O_CLOEXEC);
	elf_version(EV_CURRENT);
	c->elf = c->fd < 0 ? NULL : elf_begin(c->fd, ELF_C_READ_MMAP, NULL);
	if (!c->elf || !gelf_getehdr(c->elf, &header) || header.e_machine != EM_BPF ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB || !read_sections(c)) {
		calls_close(c);
		return NULL;
	}
	find_kfuncs(c);
	return c;
}

void calls_close(struct calls *c)
{
	for (size_t i = 0; c->code && i < c->sections_n; i++)
		free(c->code[i].target);
	free(c->code);
	free(c->symbols);
	free(c->kfuncs);
	elf_end(c->elf);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

const char *const *calls_kfuncs(const struct calls *c)
{
	return c->kfuncs;
}

struct walk {
	struct calls *c;
	void (*helper)(void *ctx, long id);
	void *ctx;
};

static struct symbol *function_at(struct calls *c, unsigned section, uint64_t at)
{
	for (size_t i = 0; i < c->symbols_n; i++) {
		struct symbol *s = &c->symbols[i];

		if (s->type == STT_FUNC && s->section == section && s->value == at)
			return s;
	}
	return NULL;
}

static void walk(struct walk *w, struct symbol *function);

/*
 * Where an instruction that is relocated by a symbol of code, or a call within its section, leads.
 * A call counts instructions from the next one (-1: the symbol itself); an address, bytes.
 */
static void follow(struct walk *w, unsigned section, size_t i)
{
	const struct code *code = &w->c->code[section];
	const struct bpf_insn *insn = &code->insns[i];
	const struct symbol *to = &w->c->symbols[code->target[i]];
	bool is_call = insn->code == (BPF_JMP | BPF_CALL);
	int64_t at = is_call ? ((int64_t)insn->imm + 1) * (int64_t)INSN : insn->imm;

	if (code->target[i]) {
		if (to->section == SHN_UNDEF || to->section >= w->c->sections_n)
			return;
		section = to->section;
		at += to->value;
	} else if (is_call) {
		at += i * INSN;
	} else {
		return;
	}
	walk(w, function_at(w->c, section, at));
}

static void walk(struct walk *w, struct symbol *function)
{
	const struct code *code;
	size_t end;

	if (!function || function->walked || function->section >= w->c->sections_n)
		return;
	function->walked = true;
	code = &w->c->code[function->section];
	end = (function->value + function->size) / INSN;
	for (size_t i = function->value / INSN; i < end && i < code->n; i++) {
		const struct bpf_insn *insn = &code->insns[i];

		if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == 0 && !code->target[i]) {
			w->helper(w->ctx, insn->imm);
		} else if (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) {
			follow(w, function->section, i);
		} else if (insn->code == (BPF_LD | BPF_IMM | BPF_DW)) {
			follow(w, function->section, i);
			i++; /* its second half */
		}
	}
}

void calls_walk(struct calls *c, const char *section, const char *function,
		void (*helper)(void *ctx, long id), void *ctx)
{
	struct walk w = {c, helper, ctx};

	for (size_t i = 0; i < c->symbols_n; i++)
		c->symbols[i].walked = false;
	for (size_t i = 0; i < c->symbols_n; i++) {
		struct symbol *s = &c->symbols[i];
		const char *in =
			s->section && s->section < c->sections_n ? c->code[s->section].name : NULL;

		if (s->type == STT_FUNC && in && s->name && !strcmp(s->name, function) &&
		    !strcmp(in + (*in == '?'), section + (*section == '?')))
			walk(&w, s);
	}
}
