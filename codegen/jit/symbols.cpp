// What an object takes from outside, shows to others, and keeps that can be written.
#include "codegen/jit/clang.h"

#include <llvm/BinaryFormat/ELF.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Object/ObjectFile.h>

using namespace llvm;

namespace {

template <typename T> T taken(Expected<T> value, T otherwise)
{
    if (value)
        return std::move(*value);
    consumeError(value.takeError());
    return otherwise;
}

// Tables of addresses are written by the linker alone.
bool is_strange(const object::SectionRef &section, StringRef name)
{
    const object::ELFSectionRef elf(section);
    if (!(elf.getFlags() & ELF::SHF_ALLOC) || section.getSize() == 0 || name.starts_with(".data.rel.ro"))
        return false;
    return (elf.getFlags() & ELF::SHF_WRITE) || name.starts_with(".ctors") || name.starts_with(".dtors") || name.starts_with(".init") || name.starts_with(".fini");
}

// A name that stands in the section.
std::string name_within(const object::ObjectFile &file, const object::SectionRef &section)
{
    for (const object::SymbolRef &symbol : file.symbols()) {
        const auto where = taken(symbol.getSection(), file.section_end());
        const StringRef name = taken(symbol.getName(), StringRef());
        if (where != file.section_end() && *where == section && !name.empty() && !name.starts_with("."))
            return name.str();
    }
    return "";
}

} // namespace

int object_symbols(const char *object, size_t length, JitSymbolTold *told, void *user, JitBytes *messages)
{
    static const char none[] = "it is no object";
    auto file = object::ObjectFile::createObjectFile(MemoryBufferRef(StringRef(object, length), "object"));
    if (!file) {
        consumeError(file.takeError());
        bytes_give(messages, none, sizeof none - 1);
        return 0;
    }
    for (const object::SymbolRef &symbol : (*file)->symbols()) {
        const uint32_t flags = taken(symbol.getFlags(), 0u);
        const std::string name = taken(symbol.getName(), StringRef()).str();
        if (object::ELFSymbolRef(symbol).getELFType() == ELF::STT_GNU_IFUNC)
            told(user, SYMBOL_CHOSEN, name.c_str(), "");
        else if ((flags & object::SymbolRef::SF_Undefined) && !name.empty())
            told(user, SYMBOL_TAKEN, name.c_str(), "");
        else if (flags & (object::SymbolRef::SF_Global | object::SymbolRef::SF_Common))
            told(user, SYMBOL_SHOWN, name.c_str(), "");
    }
    for (const object::SectionRef &section : (*file)->sections()) {
        const std::string name = taken(section.getName(), StringRef()).str();
        if (is_strange(section, name))
            told(user, SYMBOL_KEPT, name_within(**file, section).c_str(), name.c_str());
    }
    return 1;
}
