// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>

#include "image.h"
#include "orc.h"
#include "symbols.h"
#include "util.h"

struct symbol {
	uint64_t addr;
	const char *name;
	size_t len;
	char type; /* as nm(1) has it: small for static ones, t for code */
};

struct place {
	uint64_t from, to;
	size_t index; /* of the section in the new file */
};

struct maker {
	char *vmlinux;
	size_t size;
	Elf *in, *out;
	struct symbol *symbols;
	size_t symbols_n;
	struct place places[96];
	size_t places_n;
	char *names; /* of sections, as .shstrtab */
	size_t names_len;
};

static char *add_text(char *text, size_t *len, const char *more, size_t n)
{
	char *new = realloc(text, *len + n + 1);

	if (!new)
		abort();
	memcpy(new + *len, more, n);
	new[*len + n] = '\0';
	*len += n + 1;
	return new;
}

/* "ffffffff81000000 T _text", and "\t[module]" behind what is not the kernel's own. */
static int parse(struct maker *m, const char *text)
{
	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		struct symbol s = {0};
		char *at;

		end = line + strcspn(line, "\n");
		s.addr = strtoull(line, &at, 16);
		if (at == line || at[0] != ' ' || !at[1] || at[2] != ' ')
			return err("/proc/kallsyms of the guest: not understood: \"%.*s\"",
				   (int)(end - line), line);
		s.type = at[1];
		s.name = at + 3;
		s.len = strcspn(s.name, "\t\n");
		if (s.name[s.len] == '\t' || s.addr == 0)
			continue;
		m->symbols = grow(m->symbols, m->symbols_n, sizeof(s));
		m->symbols[m->symbols_n++] = s;
	}
	if (!m->symbols_n)
		return err("/proc/kallsyms of the guest has no addresses: built without"
			   " CONFIG_KALLSYMS?");
	return 0;
}

static uint64_t address_of(const struct maker *m, const char *name)
{
	for (size_t i = 0; i < m->symbols_n; i++)
		if (m->symbols[i].len == strlen(name) &&
		    !strncmp(m->symbols[i].name, name, m->symbols[i].len))
			return m->symbols[i].addr;
	return 0;
}

/* Where the next function begins. */
static uint64_t end_of(const struct maker *m, uint64_t addr)
{
	uint64_t best = UINT64_MAX;

	for (size_t i = 0; i < m->symbols_n; i++)
		if (m->symbols[i].addr > addr && m->symbols[i].addr < best)
			best = m->symbols[i].addr;
	return best;
}

static Elf_Scn *add_section(struct maker *m, const char *name, GElf_Shdr like, const void *data,
			    size_t len)
{
	Elf_Scn *scn = elf_newscn(m->out);
	Elf_Data *d = elf_newdata(scn);
	GElf_Shdr sh;

	gelf_getshdr(scn, &sh);
	sh.sh_name = m->names_len;
	sh.sh_type = like.sh_type;
	sh.sh_flags = like.sh_flags;
	sh.sh_addr = like.sh_addr;
	sh.sh_link = like.sh_link;
	sh.sh_info = like.sh_info;
	sh.sh_entsize = like.sh_entsize;
	gelf_update_shdr(scn, &sh);
	m->names = add_text(m->names, &m->names_len, name, strlen(name));
	d->d_buf = (void *)data;
	d->d_size = len;
	d->d_align = like.sh_addralign ? like.sh_addralign : 1;
	return scn;
}

/* The kernel's own sections without their contents: the debugger reads those from the guest. */
static int add_places(struct maker *m, struct orc_table *orc)
{
	size_t strings;
	Elf_Scn *scn = NULL;

	if (elf_getshdrstrndx(m->in, &strings))
		return -1;
	while ((scn = elf_nextscn(m->in, scn))) {
		const char *name;
		GElf_Shdr sh;

		if (!gelf_getshdr(scn, &sh) || !(name = elf_strptr(m->in, strings, sh.sh_name)))
			return -1;
		if (!(sh.sh_flags & SHF_ALLOC) || !sh.sh_addr || !sh.sh_size ||
		    m->places_n == ARRAY_SIZE(m->places))
			continue;
		if (sh.sh_type != SHT_NOBITS &&
		    (sh.sh_offset > m->size || sh.sh_size > m->size - sh.sh_offset))
			return -1;
		if (!strcmp(name, ".orc_header"))
			orc->header = (unsigned char *)m->vmlinux + sh.sh_offset;
		if (!strcmp(name, ".orc_unwind_ip")) {
			orc->ips = (unsigned char *)m->vmlinux + sh.sh_offset;
			orc->ips_addr = sh.sh_addr;
			orc->count = sh.sh_size / 4;
		}
		if (!strcmp(name, ".orc_unwind"))
			orc->entries = (unsigned char *)m->vmlinux + sh.sh_offset;
		if (sh.sh_addr + sh.sh_size > orc->end)
			orc->end = sh.sh_addr + sh.sh_size;
		sh.sh_type = SHT_NOBITS;
		m->places[m->places_n++] =
			(struct place){sh.sh_addr, sh.sh_addr + sh.sh_size,
				       elf_ndxscn(add_section(m, name, sh, NULL, sh.sh_size))};
	}
	return 0;
}

static size_t place_of(const struct maker *m, uint64_t addr)
{
	for (size_t i = 0; i < m->places_n; i++)
		if (addr >= m->places[i].from && addr < m->places[i].to)
			return m->places[i].index;
	return SHN_ABS;
}

/* Static ones first, as ELF wants it. */
static void add_symbols(struct maker *m)
{
	Elf64_Sym *table = xcalloc(m->symbols_n + 1, sizeof(*table));
	size_t n = 1, locals = 1, len = 1, total = 1;
	GElf_Shdr sh = {.sh_type = SHT_STRTAB, .sh_addralign = 1};
	char *names;

	for (size_t i = 0; i < m->symbols_n; i++)
		total += m->symbols[i].len + 1;
	names = xcalloc(1, total);
	for (int global = 0; global < 2; global++) {
		for (size_t i = 0; i < m->symbols_n; i++) {
			const struct symbol *s = &m->symbols[i];
			bool code = strchr("tTwW", s->type);

			if (!!isupper((unsigned char)s->type) != global)
				continue;
			table[n++] = (Elf64_Sym){
				.st_name = len,
				.st_info = GELF_ST_INFO(global ? STB_GLOBAL : STB_LOCAL,
							code ? STT_FUNC : STT_OBJECT),
				.st_shndx = place_of(m, s->addr),
				.st_value = s->addr,
			};
			memcpy(names + len, s->name, s->len);
			len += s->len + 1;
		}
		if (!global)
			locals = n;
	}
	sh.sh_link = elf_ndxscn(add_section(m, ".strtab", sh, names, total));
	sh.sh_type = SHT_SYMTAB;
	sh.sh_info = locals;
	sh.sh_entsize = sizeof(*table);
	sh.sh_addralign = 8;
	add_section(m, ".symtab", sh, table, n * sizeof(*table));
}

static void add_frames(struct maker *m, struct orc_table *orc)
{
	GElf_Shdr sh = {.sh_type = SHT_PROGBITS, .sh_addralign = 8};
	size_t len;
	void *frames;

	if (!orc->ips || !orc->entries)
		return;
	orc->call_lo = address_of(m, "entry_SYSCALL_64");
	orc->call_hi = end_of(m, address_of(m, "entry_SYSCALL_64_after_hwframe"));
	frames = orc_to_debug_frame(orc, &len);
	if (!frames) {
		warn("this kernel's ORC tables are of an unknown format: no stack frames for the"
		     " debugger");
		return;
	}
	add_section(m, ".debug_frame", sh, frames, len);
}

static int write_elf(struct maker *m)
{
	GElf_Ehdr eh, in;
	GElf_Shdr sh = {.sh_type = SHT_STRTAB};
	struct orc_table orc = {0};
	Elf_Data *data;
	Elf_Scn *scn;

	if (!gelf_getehdr(m->in, &in) || !gelf_newehdr(m->out, ELFCLASS64) ||
	    !gelf_getehdr(m->out, &eh))
		return -1;
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_type = ET_EXEC;
	eh.e_machine = EM_X86_64;
	eh.e_version = EV_CURRENT;
	/* gdb ends a stack where it began: at 0, that would be in every function without a name. */
	eh.e_entry = in.e_entry;
	m->names = add_text(NULL, &m->names_len, "", 0);
	if (add_places(m, &orc) < 0)
		return -1;
	add_symbols(m);
	add_frames(m, &orc);
	scn = add_section(m, ".shstrtab", sh, NULL, 0);
	data = elf_getdata(scn, NULL); /* complete only now that it has its own name */
	data->d_buf = m->names;
	data->d_size = m->names_len;
	eh.e_shstrndx = elf_ndxscn(scn);
	gelf_update_ehdr(m->out, &eh);
	return elf_update(m->out, ELF_C_WRITE) < 0 ? -1 : 0;
}

int symbols_write(const char *vmlinuz, const char *kallsyms, const char *path)
{
	struct maker m = {0};
	int ret = -1, fd;

	m.vmlinux = image_vmlinux(vmlinuz, &m.size);
	if (!m.vmlinux || parse(&m, kallsyms) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err("%s: %s", path, strerror(errno));
	elf_version(EV_CURRENT);
	m.in = elf_memory(m.vmlinux, m.size);
	m.out = elf_begin(fd, ELF_C_WRITE, NULL);
	if (!m.in || elf_kind(m.in) != ELF_K_ELF)
		err("%s: holds no ELF kernel", vmlinuz);
	else if (!m.out || write_elf(&m) < 0)
		err("%s: cannot write the symbols of %s: %s", path, vmlinuz, elf_errmsg(-1));
	else
		ret = 0;
	elf_end(m.out);
	elf_end(m.in);
	close(fd);
	return ret;
}
