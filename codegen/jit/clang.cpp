// C text to objects by clang's library, in memory: in C++, since libclang's C interface cannot emit code.
// The headers of intrinsics take a fifth of a second to read. They are read once into a preamble that all texts of a program share.
#include "codegen/jit/clang.h"

#include <clang/Basic/Diagnostic.h>
#include <clang/CodeGen/CodeGenAction.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/CompilerInvocation.h>
#include <clang/Frontend/FrontendActions.h>
#include <clang/Frontend/PrecompiledPreamble.h>
#include <clang/Frontend/TextDiagnosticPrinter.h>
#include <clang/Frontend/Utils.h>
#include <clang/Lex/PreprocessorOptions.h>
#include <llvm/Support/Path.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/VirtualFileSystem.h>

// Clang's own headers and none of the C library's: generated code needs nothing of it, and the machine may have none.
const char *const clang_flags[] = {"--no-default-config", "-x", "c", "-std=gnu11", "-O2", "-ffp-contract=off", "-fPIC", "-w", "-nostdlibinc", "-D__MM_MALLOC_H",
                                   "-resource-dir", TULLE_CLANG_HEADERS, "-fsyntax-only", nullptr};

namespace {

using FileSystem = llvm::IntrusiveRefCntPtr<llvm::vfs::FileSystem>;

std::string path_of(llvm::StringRef name)
{
    return ("/tulle/" + name + ".c").str();
}

// Of the real file system nothing but the headers that belong to clang: neither the caller's environment nor what else is installed has a say.
class Headers : public llvm::vfs::ProxyFileSystem {
public:
    Headers() : ProxyFileSystem(llvm::vfs::getRealFileSystem()) {}

    llvm::ErrorOr<llvm::vfs::Status> status(const llvm::Twine &path) override
    {
        return shown(path) ? ProxyFileSystem::status(path) : absent();
    }

    bool exists(const llvm::Twine &path) override
    {
        return shown(path) && ProxyFileSystem::exists(path);
    }

    llvm::ErrorOr<std::unique_ptr<llvm::vfs::File>> openFileForRead(const llvm::Twine &path) override
    {
        if (shown(path))
            return ProxyFileSystem::openFileForRead(path);
        return absent();
    }

    llvm::vfs::directory_iterator dir_begin(const llvm::Twine &folder, std::error_code &error) override
    {
        if (shown(folder))
            return ProxyFileSystem::dir_begin(folder, error);
        error = absent();
        return {};
    }

private:
    static std::error_code absent()
    {
        return std::make_error_code(std::errc::no_such_file_or_directory);
    }

    static bool shown(const llvm::Twine &path)
    {
        llvm::SmallString<256> plain;
        path.toVector(plain);
        llvm::sys::path::remove_dots(plain, true);
        llvm::StringRef rest = plain;
        return rest.consume_front(TULLE_CLANG_HEADERS) && (rest.empty() || rest.front() == '/');
    }
};

// The only files: the text, and the headers that belong to clang.
FileSystem files_of(const std::string &path, llvm::StringRef text)
{
    auto memory = llvm::makeIntrusiveRefCnt<llvm::vfs::InMemoryFileSystem>();
    memory->addFile(path, 0, llvm::MemoryBuffer::getMemBuffer(text, path, false));
    auto both = llvm::makeIntrusiveRefCnt<llvm::vfs::OverlayFileSystem>(llvm::makeIntrusiveRefCnt<Headers>());
    both->pushOverlay(memory);
    return both;
}

struct Messages {
    std::string text;
    llvm::raw_string_ostream stream{text};
    llvm::IntrusiveRefCntPtr<clang::DiagnosticsEngine> engine;

    Messages()
    {
        auto options = new clang::DiagnosticOptions;
        options->ErrorLimit = 5;
        options->ShowPresumedLoc = true;      // as #line has it
        engine = clang::CompilerInstance::createDiagnostics(options, new clang::TextDiagnosticPrinter(stream, options));
    }
};

void give(JitBytes *bytes, llvm::StringRef text)
{
    bytes_give(bytes, text.data(), text.size());
}

std::shared_ptr<clang::CompilerInvocation> invocation_of(const std::vector<std::string> &flags, const std::string &path, FileSystem files, Messages &messages,
                                                         bool lines = false)
{
    std::vector<const char *> words = {"clang"};
    for (const char *const *flag = clang_flags; *flag; flag++)
        words.push_back(*flag);
    for (const std::string &flag : flags)
        words.push_back(flag.c_str());
    if (lines)
        words.push_back("-gline-tables-only");      // what a crash is told with; the code is the same
    words.push_back(path.c_str());
    clang::CreateInvocationOptions options;
    options.Diags = messages.engine;
    options.VFS = files;
    auto invocation = clang::createInvocation(words, options);
    if (!invocation)
        return invocation;
    invocation->getFrontendOpts().DisableFree = invocation->getCodeGenOpts().DisableFree = false;      // this process lives on
    llvm::erase_if(invocation->getHeaderSearchOpts().UserEntries, [](const auto &entry) { return entry.Path != TULLE_CLANG_HEADERS "/include"; });    // CPATH's
    return invocation;
}

std::unique_ptr<clang::FrontendAction> action_of(JitForm form)
{
    switch (form) {
    case JIT_ASSEMBLY: return std::make_unique<clang::EmitAssemblyAction>();
    case JIT_IR: return std::make_unique<clang::EmitLLVMAction>();
    case JIT_NOTHING: return std::make_unique<clang::SyntaxOnlyAction>();
    default: return std::make_unique<clang::EmitObjAction>();
    }
}

} // namespace

struct JitHead {
    std::vector<std::string> flags;
    std::shared_ptr<clang::PCHContainerOperations> containers = std::make_shared<clang::PCHContainerOperations>();
    std::unique_ptr<clang::PrecompiledPreamble> preamble;
};

void clang_prepare(void)
{
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    llvm::InitializeAllDisassemblers();
    llvm::InitializeAllTargetMCAs();
}

JitHead *clang_head(const char *const *flags, const char *includes, JitBytes *messages)
{
    auto head = std::make_unique<JitHead>();
    for (; *flags; flags++)
        head->flags.push_back(*flags);
    Messages said;
    const std::string path = path_of("head");
    const FileSystem files = files_of(path, includes);
    auto invocation = invocation_of(head->flags, path, files, said);
    if (invocation) {
        auto text = llvm::MemoryBuffer::getMemBuffer(includes, path);
        const auto bounds = clang::ComputePreambleBounds(invocation->getLangOpts(), *text, 0);
        clang::PreambleCallbacks callbacks;
        auto made = clang::PrecompiledPreamble::Build(*invocation, text.get(), bounds, *said.engine, files, head->containers, true, "", callbacks);
        if (made && !said.engine->hasErrorOccurred())
            head->preamble = std::make_unique<clang::PrecompiledPreamble>(std::move(*made));
        else if (!made && said.text.empty())
            said.text = made.getError().message();
    }
    if (head->preamble)
        return head.release();
    give(messages, said.text);
    return nullptr;
}

void clang_head_free(JitHead *head)
{
    delete head;
}

int clang_compile(const JitHead *head, const char *name, const char *text, size_t length, JitForm form, JitBytes *result, JitBytes *messages)
{
    Messages said;
    const std::string path = path_of(name);
    const llvm::StringRef whole(text, length);
    FileSystem files = files_of(path, whole);
    auto invocation = invocation_of(head->flags, path, files, said, form == JIT_OBJECT);
    bool good = invocation != nullptr;
    if (good) {
        auto source = llvm::MemoryBuffer::getMemBuffer(whole, path, false);
        head->preamble->AddImplicitPreamble(*invocation, files, source.get());
        invocation->getPreprocessorOpts().RetainRemappedFileBuffers = true;      // `source` stays ours
        clang::CompilerInstance compiler(head->containers);
        compiler.setInvocation(invocation);
        compiler.setDiagnostics(said.engine.get());
        compiler.createFileManager(files);
        compiler.setVerboseOutputStream(llvm::nulls());
        llvm::SmallVector<char, 0> bytes;
        compiler.setOutputStream(std::make_unique<llvm::raw_svector_ostream>(bytes));
        good = compiler.ExecuteAction(*action_of(form));
        if (good)
            give(result, llvm::StringRef(bytes.data(), bytes.size()));
    }
    if (!good)
        give(messages, said.text);
    return good;
}
