// What listing.cpp makes and throughput.cpp reads: the public listing, and LLVM's side of it.
#ifndef TULLE_JIT_LISTING_HPP
#define TULLE_JIT_LISTING_HPP

#include "codegen/jit/clang.h"

#include <deque>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrAnalysis.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <memory>
#include <string>
#include <vector>

struct ListedFunction {
    std::string name;
    std::vector<JitInstruction> instructions;
    std::vector<llvm::MCInst> decoded;
};

struct Listing : JitListing {
    const llvm::Target *target = nullptr;
    std::unique_ptr<llvm::MCRegisterInfo> registers;
    std::unique_ptr<llvm::MCAsmInfo> assembler;
    std::unique_ptr<llvm::MCSubtargetInfo> subtarget;
    std::unique_ptr<llvm::MCInstrInfo> instructions;
    std::unique_ptr<llvm::MCInstrAnalysis> analysis;
    std::string core_name;
    std::vector<ListedFunction> listed;
    std::vector<JitFunction> shown;
    std::deque<std::string> texts;
};

#endif
