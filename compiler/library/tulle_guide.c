/* The library's entry points: each runs its work in a context of its own, whose messages become the error's text. */
#define _GNU_SOURCE
#include "compiler/library/tulle_guide.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/library/guide_json.h"
#include "compiler/pass/pass.h"
#include "frontends/frontends.h"

struct tulle_guide {
    Context *ctx;
    const Plan *plan;
    const GuideModel *formula;
};

/* One call, as work for its context. */
typedef struct Call {
    struct tulle_guide *guide;
    const char *model;
    const struct tulle_guide_setting *setting;
    const struct tulle_guide_question *question;
    bool prune;                      /* the weights, by the question's densities, before the plan is made */
    Arena *arena, *scratch;          /* of one question */
    FILE *stream;                    /* for the answer */
} Call;

/* ---- work ---- */

static const GuideModel *formula_named(Context *ctx, const char *name)
{
    static const GuideModel *const all[] = {&guide_counts, &guide_paper};
    for (int i = 0; i < COUNT(all); i++)
        if (name == NULL || strcmp(all[i]->name, name) == 0)
            return all[i];
    fail(ctx, STATUS_USAGE, NULL, "there are 'counts' and 'paper'", "there is no formula '%s'", text_quote(ctx->graph, name, strlen(name)));
}

static const Target *target_of(Context *ctx, const struct tulle_guide_setting *setting)
{
    if (setting->target != NULL && setting->target_file != NULL)
        fail(ctx, STATUS_USAGE, NULL, "give one of them", "target and target_file name two machines");
    if (setting->target_file != NULL)
        return target_file(ctx, setting->target_file);
    return target_named(ctx, setting->target != NULL ? setting->target : "native");
}

static void check_question(Context *ctx, const struct tulle_guide_question *question)
{
    if (!(question->max_ms >= 0 && question->max_megabytes >= 0) || question->density_count < 0 || question->keep_count < 0)
        fail(ctx, STATUS_USAGE, NULL, NULL, "limits and counts are numbers from 0 on");
    if ((question->densities == NULL && question->density_count > 0) || (question->keep == NULL && question->keep_count > 0))
        fail(ctx, STATUS_USAGE, NULL, NULL, "there is a count, but nothing is counted");
    for (int i = 0; i < question->keep_count; i++)
        if (question->keep[i] == NULL)
            fail(ctx, STATUS_USAGE, NULL, NULL, "a layer to keep has no name");
    for (int i = 0; i < question->density_count; i++) {
        const struct tulle_guide_density *one = &question->densities[i];
        if (one->layer == NULL || !(one->density > 0 && one->density <= 1))
            fail(ctx, STATUS_USAGE, NULL, NULL, "'%s' has a density of %g: it must be above 0 and at most 1",
                 one->layer == NULL ? "" : text_quote(ctx->scratch, one->layer, strlen(one->layer)), one->density);
    }
}

static PassOptions pass_options(Context *ctx, const Call *call)
{
    const struct tulle_guide_question *question = call->question;
    if (!call->prune || question->density_count == 0)
        return (PassOptions){0};
    LayerDensity *densities = arena_array(ctx->graph, LayerDensity, question->density_count);
    for (int i = 0; i < question->density_count; i++)
        densities[i] = (LayerDensity){question->densities[i].layer, question->densities[i].density};
    return (PassOptions){.densities = densities, .density_count = question->density_count};
}

static Status open_model(Context *ctx, void *argument)
{
    const Call *call = argument;
    const struct tulle_guide_setting *setting = call->setting;
    if (call->model == NULL || setting->threads < 0 || setting->batch < 0)
        fail(ctx, STATUS_USAGE, NULL, NULL, "a model's path is needed; threads and batch are numbers from 0 on");
    if (call->prune)
        check_question(ctx, call->question);
    call->guide->formula = formula_named(ctx, setting->formula);
    const Target *target = target_of(ctx, setting);
    const PassOptions pruning = pass_options(ctx, call);
    const char *path = arena_string(ctx->graph, call->model, strlen(call->model));
    Graph *graph = onnx_read(ctx, path, &(FrontendOptions){.batch = setting->batch});
    passes_run(graph, &pruning);
    call->guide->plan = plan_make(graph, target, &(PlanOptions){.threads = setting->threads});
    return STATUS_FINE;
}

static int weighted_layer(const Plan *plan, const char *name)
{
    const int layer = layer_named(plan->graph, NULL, name);
    const Problem *problem = &plan->layers[layer].problem;
    if (problem->pattern == NULL)
        fail(plan->graph->ctx, STATUS_USAGE, node_where(plan->graph, problem->node), NULL, "it has no constant weights to prune");
    return layer;
}

/* Layers that share their weights share their density. */
static const Plan *plan_asked(const Plan *plan, const struct tulle_guide_question *question, Arena *arena)
{
    double *densities = arena_array(arena, double, plan->layer_count + 1), *wanted = arena_array(arena, double, plan->graph->value_count + 1);
    for (int i = 0; i < question->density_count; i++) {
        const struct tulle_guide_density *one = &question->densities[i];
        const int layer = weighted_layer(plan, one->layer);
        double *density = &wanted[layer_weights(plan, layer)];
        if (*density > 0 && *density != one->density)
            fail(plan->graph->ctx, STATUS_USAGE, node_where(plan->graph, plan->layers[layer].problem.node), NULL,
                 "its weights have been given two densities, %g and %g", *density, one->density);
        *density = one->density;
    }
    for (int l = 0; l < plan->layer_count; l++)
        densities[l] = plan->layers[l].problem.pattern != NULL ? wanted[layer_weights(plan, l)] : 0;
    return question->density_count > 0 ? plan_projected(plan, densities, arena) : plan;
}

static Status answer(Context *ctx, void *argument)
{
    Call *call = argument;
    const struct tulle_guide_question *question = call->question;
    const Plan *plan = call->guide->plan;
    ctx->graph = call->arena = arena_new(ctx, "question", SIZE_MAX / 2);
    ctx->scratch = call->scratch = arena_new(ctx, "question's scratch", SIZE_MAX / 2);
    check_question(ctx, question);
    bool *keep = arena_array(ctx->graph, bool, plan->layer_count + 1);
    for (int i = 0; i < question->keep_count; i++)
        keep[weighted_layer(plan, question->keep[i])] = true;
    const char *projection = plan->graph->projection;
    if (!call->prune && question->density_count > 0) {
        plan = plan_asked(plan, question, ctx->graph);
        projection = arena_format(ctx->graph, "a projection, not the model: estimated with densities given for %d", question->density_count);
    }
    const GuideLimits limits = {question->max_ms * 1e-3, question->max_megabytes * 1e6, keep};
    guide_json(call->stream, guide_make(plan, call->guide->formula, &limits, ctx->graph), projection);
    return STATUS_FINE;
}

/* ---- calls ---- */

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* Numbers are read and written as in C, whatever the program has set. */
static Status call_work(Call *call, Status (*work)(Context *, void *), char **error)
{
    char *messages = NULL;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0), before = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    const Status status = context_call(call->guide->ctx, work, call, &messages);
    if (plain != (locale_t)0) {
        uselocale(before);
        freelocale(plain);
    }
    if (error != NULL)
        *error = status == STATUS_FINE ? NULL : messages;
    if (error == NULL || status == STATUS_FINE)
        free(messages);
    return status;
}

static Status call_answer(Call *call, char **json, char **error)
{
    size_t length;
    *json = NULL;
    call->stream = open_memstream(json, &length);
    if (call->stream == NULL)
        return STATUS_MODEL;
    Status status = call_work(call, answer, error);
    if (fclose(call->stream) != 0 && status == STATUS_FINE)
        status = STATUS_MODEL;       /* the answer does not fit into memory */
    if (call->arena != NULL)
        arena_free(call->arena);
    if (call->scratch != NULL)
        arena_free(call->scratch);
    if (status != STATUS_FINE) {
        free(*json);
        *json = NULL;
    }
    return status;
}

static void guide_close(struct tulle_guide *guide)
{
    if (guide == NULL)
        return;
    context_close(guide->ctx);
    free(guide);
}

static struct tulle_guide *guide_new(void)
{
    struct tulle_guide *guide = calloc(1, sizeof *guide);
    if (guide == NULL || (guide->ctx = context_open()) == NULL) {
        free(guide);
        return NULL;
    }
    return guide;
}

static const struct tulle_guide_setting no_setting;
static const struct tulle_guide_question no_question;

int tulle_guide_once(const char *model, const struct tulle_guide_setting *setting, const struct tulle_guide_question *question, char **json,
                     char **error)
{
    pthread_mutex_lock(&one_at_a_time);
    Call call = {.guide = guide_new(), .model = model, .setting = setting != NULL ? setting : &no_setting,
                 .question = question != NULL ? question : &no_question, .prune = true};
    Status status = STATUS_MODEL;
    *json = NULL;
    if (error != NULL)
        *error = NULL;
    if (call.guide != NULL)
        status = call_work(&call, open_model, error);
    if (status == STATUS_FINE)
        status = call_answer(&call, json, error);
    guide_close(call.guide);
    pthread_mutex_unlock(&one_at_a_time);
    return (int)status;
}

int tulle_guide_open(const char *model, const struct tulle_guide_setting *setting, struct tulle_guide **guide, char **error)
{
    pthread_mutex_lock(&one_at_a_time);
    Call call = {.guide = guide_new(), .model = model, .setting = setting != NULL ? setting : &no_setting, .question = &no_question};
    Status status = STATUS_MODEL;
    *guide = call.guide;
    if (error != NULL)
        *error = NULL;
    if (call.guide != NULL)
        status = call_work(&call, open_model, error);
    if (status != STATUS_FINE) {
        guide_close(call.guide);
        *guide = NULL;
    }
    pthread_mutex_unlock(&one_at_a_time);
    return (int)status;
}

int tulle_guide_ask(struct tulle_guide *guide, const struct tulle_guide_question *question, char **json, char **error)
{
    pthread_mutex_lock(&one_at_a_time);
    Call call = {.guide = guide, .question = question != NULL ? question : &no_question};
    if (error != NULL)
        *error = NULL;
    const Status status = call_answer(&call, json, error);
    pthread_mutex_unlock(&one_at_a_time);
    return (int)status;
}

void tulle_guide_close(struct tulle_guide *guide)
{
    pthread_mutex_lock(&one_at_a_time);
    guide_close(guide);
    pthread_mutex_unlock(&one_at_a_time);
}

void tulle_guide_free(char *text)
{
    free(text);
}
