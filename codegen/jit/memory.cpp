// Where code is loaded. Nonzeros as instructions make megabytes of code, which runs as fast as its pages come: an executable's lie in large pieces in the
// page cache, so those of this process are asked for in large pieces, too. Otherwise ResNet-50 at 10 % takes 8 % longer here than in an executable
// (tests/bench/compilers.py, Zen 4).
#include "codegen/jit/memory.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/MapperJITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

constexpr size_t piece = size_t(64) << 20;       // reserved at a time; memory only where it is touched

class LargePages : public llvm::orc::InProcessMemoryMapper {
public:
    LargePages() : InProcessMemoryMapper(size_t(sysconf(_SC_PAGESIZE))) {}

    void reserve(size_t bytes, OnReservedFunction reserved) override
    {
        InProcessMemoryMapper::reserve(bytes, [reserved = std::move(reserved)](llvm::Expected<llvm::orc::ExecutorAddrRange> range) mutable {
            if (range)
                madvise(range->Start.toPtr<void *>(), range->size(), MADV_HUGEPAGE);     // a wish: refused, nothing is lost
            reserved(std::move(range));
        });
    }
};

} // namespace

LLVMErrorRef memory_session(LLVMOrcLLJITRef *session)
{
    auto made = llvm::orc::LLJITBuilder()
                    .setObjectLinkingLayerCreator([](llvm::orc::ExecutionSession &execution, const llvm::Triple &) {
                        auto memory = std::make_unique<llvm::orc::MapperJITLinkMemoryManager>(piece, std::make_unique<LargePages>());
                        return std::make_unique<llvm::orc::ObjectLinkingLayer>(execution, std::move(memory));
                    })
                    .create();
    if (!made)
        return llvm::wrap(made.takeError());
    *session = reinterpret_cast<LLVMOrcLLJITRef>(made->release());
    return LLVMErrorSuccess;
}
