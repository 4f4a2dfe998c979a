// Takes objects apart: functions, their instructions, what each of them does.
#include "codegen/jit/listing.hpp"

#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInstPrinter.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/TargetParser/Host.h>

namespace {

using llvm::StringRef;

void say(JitBytes *messages, StringRef text)
{
    bytes_give(messages, text.data(), text.size());
}

// The number of a vector register by its name: xmm7, ymm7, zmm7; b7, h7, s7, d7, q7. -1: it is none.
int vector_number(StringRef name)
{
    int number;
    const bool known = name.consume_front("XMM") || name.consume_front("YMM") || name.consume_front("ZMM") || name.consume_front("B") ||
                       name.consume_front("H") || name.consume_front("S") || name.consume_front("D") || name.consume_front("Q");
    return known && !name.empty() && llvm::isDigit(name[0]) && !name.getAsInteger(10, number) && number < 64 ? number : -1;
}

// Several where the name is of a row of registers.
unsigned long long vector_bits(const llvm::MCRegisterInfo &registers, llvm::MCRegister number)
{
    unsigned long long bits = 0;
    for (llvm::MCPhysReg part : registers.subregs_inclusive(number))
        if (const int vector = vector_number(registers.getName(part)); vector >= 0)
            bits |= 1ULL << vector;
    return bits;
}

class Reader {
public:
    Reader(Listing &owner, const llvm::Triple &triple)
        : listing(owner), context(triple, owner.assembler.get(), owner.registers.get(), owner.subtarget.get()),
          disassembler(owner.target->createMCDisassembler(*owner.subtarget, context)),
          printer(owner.target->createMCInstPrinter(triple, owner.assembler->getAssemblerDialect(), *owner.assembler, *owner.instructions,
                                                    *owner.registers)),
          x86(triple.isX86()), bits(owner.registers->getNumRegs())
    {
        for (unsigned i = 1; i < bits.size(); i++)
            bits[i] = vector_bits(*owner.registers, i);
        if (printer)
            printer->setPrintBranchImmAsAddress(true);
    }

    bool ready() const { return disassembler && printer; }

    void read(ListedFunction &function, llvm::ArrayRef<uint8_t> bytes, uint64_t address)
    {
        start = address;
        for (uint64_t at = 0, size = 0; at < bytes.size(); at += size) {
            llvm::MCInst inst;
            const auto status = disassembler->getInstruction(inst, size, bytes.slice(at), address + at, llvm::nulls());
            if (status == llvm::MCDisassembler::Fail) {
                size = x86 ? 1 : 4;          // data between instructions
                continue;
            }
            function.instructions.push_back(instruction_of(inst, address + at, size));
            function.decoded.push_back(inst);
        }
    }

private:
    Listing &listing;
    llvm::MCContext context;
    std::unique_ptr<llvm::MCDisassembler> disassembler;
    std::unique_ptr<llvm::MCInstPrinter> printer;
    bool x86;
    uint64_t start = 0;                      // of the function that is read
    std::vector<unsigned long long> bits;    // by register

    // Targets of jumps are places in the function. Those of x86 count from the instruction behind.
    const char *text_of(const llvm::MCInst &inst, uint64_t address, uint64_t size)
    {
        std::string text;
        llvm::raw_string_ostream stream(text);
        printer->printInst(&inst, address - start + (x86 ? size : 0), "", *listing.subtarget, stream);
        for (char &c : text)
            c = c == '\t' || c == '\n' ? ' ' : c;
        return listing.texts.emplace_back(StringRef(text).trim()).c_str();
    }

    JitInstruction instruction_of(const llvm::MCInst &inst, uint64_t address, uint64_t size)
    {
        const llvm::MCInstrDesc &what = listing.instructions->get(inst.getOpcode());
        JitInstruction shown = {};
        shown.address = address;
        shown.bytes = (unsigned)size;
        shown.text = text_of(inst, address, size);
        for (const llvm::MCOperand &operand : inst)
            if (operand.isReg() && operand.getReg())
                shown.registers |= bits[operand.getReg()];
        shown.is = (what.mayLoad() ? JIT_LOADS : 0) | (what.mayStore() ? JIT_STORES : 0) | (what.isBranch() ? JIT_BRANCH : 0) |
                   (what.isCall() ? JIT_CALL : 0) | (what.isReturn() ? JIT_RETURN : 0) | (shown.registers ? JIT_VECTOR : 0);
        uint64_t target;
        const bool jumps = what.isBranch() && !what.isIndirectBranch() && listing.analysis->evaluateBranch(inst, address, size, target);
        shown.target = jumps ? target : address + 1;
        return shown;
    }
};

// False: LLVM does not know the processor, or lacks a part.
bool open_target(Listing &listing, const llvm::Triple &triple, const char *core, std::string &why)
{
    listing.target = llvm::TargetRegistry::lookupTarget(triple.str(), why);
    if (!listing.target)
        return false;
    const std::string name = core && StringRef(core) == "native" ? llvm::sys::getHostCPUName().str() : core ? core : "";
    listing.registers.reset(listing.target->createMCRegInfo(triple.str()));
    listing.assembler.reset(listing.target->createMCAsmInfo(*listing.registers, triple.str(), llvm::MCTargetOptions()));
    listing.instructions.reset(listing.target->createMCInstrInfo());
    listing.analysis.reset(listing.target->createMCInstrAnalysis(listing.instructions.get()));
    listing.subtarget.reset(listing.target->createMCSubtargetInfo(triple.str(), "", ""));
    if (!listing.subtarget || !listing.analysis)
        return false;
    if (!name.empty() && listing.subtarget->isCPUStringValid(name)) {
        listing.subtarget.reset(listing.target->createMCSubtargetInfo(triple.str(), name, ""));
        listing.core_name = name;
    }
    listing.core = listing.subtarget->getSchedModel().hasInstrSchedModel() && !listing.core_name.empty() ? listing.core_name.c_str() : nullptr;
    return true;
}

struct Place {
    uint64_t address, end;
    StringRef name;
};

// Functions of a section by address; of several names at one place the first.
std::vector<Place> functions_in(const llvm::object::ObjectFile &object, const llvm::object::SectionRef &section)
{
    std::vector<Place> places;
    for (const llvm::object::ELFSymbolRef symbol : object.symbols()) {
        auto type = llvm::expectedToOptional(symbol.getType());
        auto address = llvm::expectedToOptional(symbol.getAddress());
        auto name = llvm::expectedToOptional(symbol.getName());
        auto home = llvm::expectedToOptional(symbol.getSection());
        if (type && address && name && home && *type == llvm::object::SymbolRef::ST_Function && *home != object.section_end() && **home == section)
            places.push_back({*address, *address + symbol.getSize(), *name});
    }
    llvm::stable_sort(places, [](const Place &a, const Place &b) { return a.address < b.address; });
    places.erase(std::unique(places.begin(), places.end(), [](const Place &a, const Place &b) { return a.address == b.address; }), places.end());
    return places;
}

void read_section(Listing &listing, Reader &reader, const llvm::object::ObjectFile &object, const llvm::object::SectionRef &section)
{
    const auto contents = llvm::expectedToOptional(section.getContents());
    if (!contents)
        return;
    const auto bytes = llvm::arrayRefFromStringRef(*contents);
    for (const Place &place : functions_in(object, section)) {
        const uint64_t begin = place.address - section.getAddress(), end = place.end - section.getAddress();
        if (begin >= end || end > bytes.size())
            continue;
        listing.listed.push_back({place.name.str(), {}, {}});
        reader.read(listing.listed.back(), bytes.slice(begin, end - begin), place.address);
        listing.code_bytes += end - begin;
    }
}

bool is_table(const llvm::object::SectionRef &section)
{
    const llvm::object::ELFSectionRef elf(section);
    const auto name = llvm::expectedToOptional(section.getName());
    return elf.getFlags() & llvm::ELF::SHF_ALLOC && !section.isText() && name && !name->starts_with(".eh_frame") && !name->starts_with(".note");
}

} // namespace

const JitListing *listing_make(const char *object, size_t length, const char *core, JitBytes *messages)
{
    auto buffer = llvm::MemoryBuffer::getMemBuffer(StringRef(object, length), "object", false);
    auto file = llvm::object::ObjectFile::createObjectFile(buffer->getMemBufferRef());
    if (!file)
        return say(messages, llvm::toString(file.takeError())), nullptr;
    auto listing = std::make_unique<Listing>();
    static_cast<JitListing &>(*listing) = {};
    const llvm::Triple triple = (*file)->makeTriple();
    std::string why = "LLVM cannot take code of this architecture apart";
    if (!(*file)->isELF() || !open_target(*listing, triple, core, why))
        return say(messages, why), nullptr;
    Reader reader(*listing, triple);
    if (!reader.ready())
        return say(messages, why), nullptr;
    for (const llvm::object::SectionRef &section : (*file)->sections())
        if (section.isText())
            read_section(*listing, reader, **file, section);
        else if (is_table(section))
            listing->table_bytes += section.getSize();
    for (const ListedFunction &function : listing->listed) {
        const auto &instructions = function.instructions;
        const auto bytes = instructions.empty() ? 0 : instructions.back().address + instructions.back().bytes - instructions.front().address;
        listing->shown.push_back({function.name.c_str(), instructions.data(), instructions.size(), bytes});
    }
    listing->functions = listing->shown.data();
    listing->function_count = (int)listing->shown.size();
    return listing.release();
}

void listing_free(const JitListing *listing)
{
    delete static_cast<const Listing *>(listing);
}
