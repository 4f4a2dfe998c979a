// From an address in loaded code back to the line of the text that it is from, by the object's own line table.
#include "codegen/jit/clang.h"

#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ELFObjectFile.h>

namespace {

using namespace llvm;

// Where the section that `name` stands in begins, as it is loaded: `address` is the symbol's.
bool find_section(const object::ObjectFile &file, StringRef name, uint64_t address, object::SectionRef &section, uint64_t &base)
{
    for (const object::SymbolRef &symbol : file.symbols()) {
        auto found = symbol.getName();
        if (!found || *found != name) {
            consumeError(found.takeError());
            continue;
        }
        auto where = symbol.getSection();
        auto value = symbol.getValue();
        if (!where || !value || *where == file.section_end()) {
            consumeError(where.takeError());
            consumeError(value.takeError());
            continue;
        }
        section = **where;
        base = address - *value;
        return true;
    }
    return false;
}

// The function that begins at the offset, or is the next one before it.
std::string function_at(const object::ObjectFile &file, const object::SectionRef &section, uint64_t offset)
{
    std::string name;
    uint64_t nearest = 0;
    for (const object::SymbolRef &symbol : file.symbols()) {
        auto type = symbol.getType();
        auto where = symbol.getSection();
        auto value = symbol.getValue();
        auto found = symbol.getName();
        if (type && where && value && found && *type == object::SymbolRef::ST_Function && *where != file.section_end() && **where == section && *value <= offset &&
            (name.empty() || *value > nearest || (*value == nearest && found->size() < name.size()))) {
            nearest = *value;
            name = found->str();
        }
        consumeError(type.takeError());
        consumeError(where.takeError());
        consumeError(value.takeError());
        consumeError(found.takeError());
    }
    return name;
}

void copy(char *to, size_t size, StringRef text)
{
    const size_t length = std::min(size - 1, text.size());
    memcpy(to, text.data(), length);
    to[length] = '\0';
}

} // namespace

int object_locate(const JitObject *object, const void *address, JitPlace *place)
{
    *place = {};
    auto file = object::ObjectFile::createObjectFile(MemoryBufferRef(StringRef(object->data, object->length), object->name));
    if (!file) {
        consumeError(file.takeError());
        return 0;
    }
    object::SectionRef section;
    uint64_t base = 0;
    if (!find_section(**file, object->anchor, reinterpret_cast<uintptr_t>(object->address), section, base))
        return 0;
    const uint64_t offset = reinterpret_cast<uintptr_t>(address) - base;
    if (offset >= section.getSize())
        return 0;
    copy(place->function, sizeof place->function, function_at(**file, section, offset));
    const auto context = DWARFContext::create(**file);
    const DILineInfo line = context->getLineInfoForAddress({offset, section.getIndex()}, {DILineInfoSpecifier::FileLineInfoKind::RawValue, DINameKind::None});
    if (line.FileName != DILineInfo::BadString) {
        copy(place->file, sizeof place->file, line.FileName);
        place->line = static_cast<int>(line.Line);
    }
    return 1;
}
