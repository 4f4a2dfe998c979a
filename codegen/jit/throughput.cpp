// How long a round of a loop takes, as LLVM's scheduling model of a core has it: its simulator runs the loop many times over, without cache misses.
#include "codegen/jit/listing.hpp"

#include <llvm/MCA/Context.h>
#include <llvm/MCA/CustomBehaviour.h>
#include <llvm/MCA/InstrBuilder.h>
#include <llvm/MCA/Pipeline.h>
#include <llvm/MCA/SourceMgr.h>
#include <llvm/MCA/Support.h>

namespace {

constexpr unsigned call_latency = 100, most_steps = 20000, most_rounds = 100, least_rounds = 2;

using Sequence = std::vector<std::unique_ptr<llvm::mca::Instruction>>;

// Cycles that each unit of each resource was held.
class Usage : public llvm::mca::HWEventListener {
public:
    std::map<std::pair<unsigned, unsigned>, double> cycles;

    void onEvent(const llvm::mca::HWInstructionEvent &event) override
    {
        if (event.Type != llvm::mca::HWInstructionEvent::Issued)
            return;
        for (const auto &[resource, held] : static_cast<const llvm::mca::HWInstructionIssuedEvent &>(event).UsedResources)
            cycles[{(unsigned)resource.first, (unsigned)llvm::countr_zero(resource.second)}] += held;
    }
};

// Without returns, which end a round and of which the simulator warns on standard error.
llvm::Expected<Sequence> sequence_of(const Listing &listing, llvm::ArrayRef<llvm::MCInst> insts, llvm::mca::InstrBuilder &builder)
{
    Sequence sequence;
    std::unique_ptr<llvm::mca::InstrPostProcess> post(listing.target->createInstrPostProcess(*listing.subtarget, *listing.instructions));
    for (const llvm::MCInst &inst : insts) {
        if (listing.instructions->get(inst.getOpcode()).isReturn())
            continue;
        auto made = builder.createInstruction(inst, {});
        if (!made)
            return made.takeError();
        if (post)
            post->postProcessInstruction(*made, inst);
        sequence.push_back(std::move(*made));
    }
    return sequence;
}

llvm::Expected<unsigned> simulate(const Listing &listing, const Sequence &sequence, unsigned rounds, Usage *usage)
{
    llvm::mca::CircularSourceMgr source(sequence, rounds);
    std::unique_ptr<llvm::mca::CustomBehaviour> behaviour(listing.target->createCustomBehaviour(*listing.subtarget, source, *listing.instructions));
    if (!behaviour)
        behaviour = std::make_unique<llvm::mca::CustomBehaviour>(*listing.subtarget, source, *listing.instructions);
    llvm::mca::Context context(*listing.registers, *listing.subtarget);
    const llvm::mca::PipelineOptions options(0, 0, 0, 0, 0, 0, true);
    auto pipeline = context.createDefaultPipeline(options, source, *behaviour);
    if (usage)
        pipeline->addEventListener(usage);
    return pipeline->run();
}

void add_ports(const llvm::MCSchedModel &model, const Usage &usage, unsigned rounds, JitThroughput *throughput)
{
    for (const auto &[unit, cycles] : usage.cycles)
        if (throughput->port_count < JIT_MOST_PORTS && cycles > 0)
            throughput->ports[throughput->port_count++] = {model.getProcResource(unit.first)->Name, cycles / rounds};
}

// A group of units has no cycles of its own among the units: its members do.
void name_busiest(const llvm::MCSchedModel &model, const llvm::MCProcResourceDesc &resource, JitThroughput *throughput)
{
    throughput->busiest = resource.Name;
    for (unsigned i = 0; resource.SubUnitsIdxBegin && i < resource.NumUnits && i < JIT_MOST_PORTS; i++)
        throughput->members[throughput->member_count++] = model.getProcResource(resource.SubUnitsIdxBegin[i])->Name;
}

// Of the resources' cycles, and of what is dispatched, the one that needs most.
void add_bound(const llvm::MCSchedModel &model, const Sequence &sequence, JitThroughput *throughput)
{
    std::vector<uint64_t> masks(model.getNumProcResourceKinds());
    llvm::mca::computeProcResourceMasks(model, masks);
    std::vector<double> cycles(masks.size());
    for (const auto &instruction : sequence) {
        throughput->micro_ops += instruction->getDesc().NumMicroOps;
        for (const auto &[mask, use] : instruction->getDesc().Resources)
            cycles[(size_t)(llvm::find(masks, mask) - masks.begin())] += use.size();
    }
    throughput->width = (int)model.IssueWidth;
    throughput->in_order = !model.isOutOfOrder();
    throughput->bound = throughput->micro_ops / model.IssueWidth;
    unsigned busiest = 0;
    for (unsigned i = 1; i < cycles.size(); i++) {
        const unsigned units = model.getProcResource(i)->NumUnits;
        if (cycles[i] / units <= throughput->bound)
            continue;
        throughput->bound = cycles[i] / units;
        busiest = i;
    }
    if (busiest > 0)
        name_busiest(model, *model.getProcResource(busiest), throughput);
}

} // namespace

int listing_throughput(const JitListing *shown, int function, size_t first, size_t count, JitThroughput *throughput, JitBytes *messages)
{
    const Listing &listing = *static_cast<const Listing *>(shown);
    const llvm::MCSchedModel &model = listing.subtarget->getSchedModel();
    const auto insts = llvm::ArrayRef(listing.listed[(size_t)function].decoded).slice(first, count);
    llvm::mca::InstrumentManager instruments(*listing.subtarget, *listing.instructions);
    llvm::mca::InstrBuilder builder(*listing.subtarget, *listing.instructions, *listing.registers, listing.analysis.get(), instruments, call_latency);
    const auto fail = [&](llvm::Error error) {
        const std::string text = llvm::toString(std::move(error));
        bytes_give(messages, text.data(), text.size());
        return 0;
    };
    auto sequence = sequence_of(listing, insts, builder);
    if (!sequence)
        return fail(sequence.takeError());
    if (sequence->empty())
        return fail(llvm::createStringError("there is nothing in it but a return"));
    const unsigned rounds = std::clamp((unsigned)(most_steps / count), least_rounds, most_rounds);
    Usage usage;
    auto once = simulate(listing, *sequence, rounds, &usage);
    if (!once)
        return fail(once.takeError());
    auto twice = simulate(listing, *sequence, 2 * rounds, nullptr);
    if (!twice)
        return fail(twice.takeError());
    *throughput = {};
    throughput->cycles = (double)(*twice - *once) / rounds;          // without the first rounds, in which nothing waits yet
    add_bound(model, *sequence, throughput);
    add_ports(model, usage, rounds, throughput);
    return 1;
}
