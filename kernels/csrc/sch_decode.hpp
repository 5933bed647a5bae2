// Decoding of a transport block: every code block by itself, on as many threads as there are.
#pragma once
#include "sch_load.hpp"
#include "sch_pool.hpp"

namespace picocell::PICOCELL_NS {

constexpr int sch_max_blocks = (sch_max_tbs + 24) / (turbo_max_k - 24) + 1;

// What a thread needs for itself.
struct SchScratch {
    TurboScratch turbo;
    alignas(64) int16_t soft[sch_front + 3 * (turbo_max_k + 4) + sch_front];
    SchStreams streams;
};

// A code block on its way: where its LLRs begin, where its bytes go, and what came of it.
struct SchTask {
    SchBlock block;
    const int16_t* llr;
    uint8_t* whole;
    bool ok, tried;
    int iterations;
};

struct SchDecoder {
    int threads;
    SchPool* pool;  // null where the caller is alone
    SchScratch* scratch;
    uint8_t bytes[sch_max_blocks][sch_block_bytes];
    uint8_t whole[sch_max_tbs / 8 + 3];
    SchTask tasks[sch_max_blocks];
};

// One call's constants, and the next block to be taken by a thread.
struct SchJob {
    SchDecoder* decoder;
    Segmentation s;
    const SchShape* shape;
    const SchSoft* soft;
    bool fresh;  // nothing was received before
    int max_iterations;
    int next;
};

// The first transmission into a circular buffer: what comes once is copied, what comes again is added.
inline void sch_first(const int16_t* llr, size_t e, const Circular& c, const SchBlock& b, int rv, int16_t* sum) {
    const Ring part = ring(c, b.n_cb, rv);
    const size_t length = part.length, start = part.start, once = std::min(e, length);
    const size_t tail = std::min(once, length - start), head = once - tail;
    std::memcpy(sum + start, llr, tail * sizeof(int16_t));
    std::memcpy(sum, llr + tail, head * sizeof(int16_t));
    std::fill(sum + head, sum + start, int16_t{0});
    std::fill(sum + start + tail, sum + c.length + 1, int16_t{0});
    if (e > once) recover_block(llr + once, e - once, c, b.n_cb, rv, sum);
}

// A circular buffer to bytes.
inline TurboResult sch_turbo(SchScratch* t, const Circular& c, const int16_t* sum, const Level& received,
                             int max_iterations, int crc, uint8_t* bytes) {
    if (c.n_filler) {
        load_circular(&t->turbo, c, sum);
        return turbo_decode_block(&t->turbo, c.k, c.n_filler, received, max_iterations, crc, bytes);
    }
    sch_streams(c, sum, t->streams);
    int16_t* d[3];
    for (int i = 0; i < 3; ++i) d[i] = t->streams.d[i] + sch_front;
    TurboBlock block{{d[0], d[1], d[2]}, {}, 0, bytes, received, {}};
    for (int i = 0; i < 12; ++i) block.tail[i] = d[i % 3][c.k + i / 3];
    turbo_decode_blocks(&t->turbo, &block, 1, c.k, max_iterations, crc);
    return block.result;
}

inline void sch_decode_block(const SchJob& job, SchTask& task, int r, SchScratch* t) {
    const SchBlock& b = task.block;
    const SchSoft* soft = job.soft;
    uint8_t* bytes = soft ? soft->bytes + r * sch_block_bytes : job.decoder->bytes[r];
    task.ok = soft && soft->passed[r];
    task.tried = !task.ok;
    if (task.tried) {
        const CircularFor circular(b.k, b.n_filler);
        const Circular& c = *circular.table;
        int16_t* sum = soft ? soft->llr + r * soft->stride : t->soft + sch_front;
        if (job.fresh)
            sch_first(task.llr, b.e, c, b, job.shape->rv, sum);
        else
            recover_block(task.llr, b.e, c, b.n_cb, job.shape->rv, sum);
        // Zeros do not count, so what came once and for the first time tells all.
        const Level received = job.fresh && b.e <= size_t(c.length) ? level(task.llr, b.e) : level(sum, c.length);
        const int crc = job.s.crc ? crc24b_kind : crc24a_kind;
        const TurboResult done = sch_turbo(t, c, sum, received, job.max_iterations, crc, bytes);
        task.ok = done.crc_ok;
        task.iterations = (done.half_iterations + 1) / 2;
        if (soft) soft->passed[r] = task.ok;
    }
    std::memcpy(task.whole, bytes + b.n_filler / 8, b.data);
}

inline void sch_work(void* context, int thread) {
    auto* job = static_cast<SchJob*>(context);
    for (;;) {
        const int r = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
        if (r >= job->s.c) return;
        sch_decode_block(*job, job->decoder->tasks[r], r, job->decoder->scratch + thread);
    }
}

inline void sch_decoder_free(void* decoder) {
    auto* t = static_cast<SchDecoder*>(decoder);
    if (!t) return;
    sch_pool_free(t->pool);
    std::free(t->scratch);
    std::free(t);
}

inline void* sch_decoder_new(int threads) {
    auto* t = static_cast<SchDecoder*>(std::calloc(1, sizeof(SchDecoder)));
    if (!t) return nullptr;
    t->threads = threads;
    t->scratch = static_cast<SchScratch*>(std::aligned_alloc(64, threads * sizeof(SchScratch)));
    if (t->scratch) std::memset(static_cast<void*>(t->scratch), 0, threads * sizeof(SchScratch));
    if (threads > 1) t->pool = sch_pool_new(threads);
    if (t->scratch && (threads == 1 || t->pool)) return t;
    sch_decoder_free(t);
    return nullptr;
}

inline SchOutcome sch_decode(void* decoder, const SchShape* shape, const int16_t* llr, const SchSoft* soft,
                             int max_iterations, uint8_t* payload) {
    auto* t = static_cast<SchDecoder*>(decoder);
    const Segmentation s = sch_segment(shape->tbs);
    SchJob job{t, s, shape, soft, !soft || *soft->fresh, max_iterations, 0};
    uint8_t* whole = t->whole;
    for (int r = 0; r < s.c; ++r) {
        const SchBlock b = sch_block(s, *shape, r);
        t->tasks[r] = {b, llr, whole, false, false, 0};
        llr += b.e;
        whole += b.data;
    }
    if (t->pool && s.c > 1)
        sch_pool_run(t->pool, sch_work, &job);
    else
        sch_work(&job, 0);
    SchOutcome outcome{};
    for (int r = 0; r < s.c; ++r) {
        outcome.blocks_ok += t->tasks[r].ok;
        outcome.blocks_tried += t->tasks[r].tried;
        outcome.iterations += t->tasks[r].iterations;
    }
    outcome.crc_ok = outcome.blocks_ok == s.c && crc_long(crc24a_kind, t->whole, shape->tbs / 8 + 3) == 0;
    if (soft) *soft->fresh = 0;
    // A block passed that should not have: which one is unknown, so the next transmission decodes them all.
    if (soft && outcome.blocks_ok == s.c && !outcome.crc_ok) std::memset(soft->passed, 0, s.c);
    std::memcpy(payload, t->whole, shape->tbs / 8);
    return outcome;
}

}  // namespace picocell::PICOCELL_NS
