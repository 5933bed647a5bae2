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
    SchRing ring;
    SchColumns columns;
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

// The decoder's streams from a ring in its scale, and the way on to bytes. As turbo_decode_blocks does with one block.
inline TurboResult sch_turbo(SchScratch* scratch, const Circular& c, const Level& received, int max_iterations, int crc,
                             uint8_t* bytes) {
    TurboScratch* const t = &scratch->turbo;
    int8_t *const d[3] = {t->natural[0], t->natural[1], t->natural[2]}, tail[12];
    if (scratch->columns.k != c.k) scratch->columns.set(c);
    sch_streams(scratch->columns, c.rows, scratch->ring.llr + sch_front, d);
    for (int i = 0; i < 12; ++i)
        tail[i] = std::min<int8_t>(std::max<int8_t>(d[i % 3][c.k + i / 3], -clip_parity), clip_parity);
    for (int code = 0; code < 2; ++code) {
        int8_t metrics[8];
        tail_metrics(tail + 6 * code, metrics);
        for (int i = 1; i < 8; ++i) t->ends[code][i][0] = metrics[i];
    }
    TurboBlock block{{}, {}, 0, bytes, received, {}};
    TurboBlock* const group = &block;
    const int training = training_length(c.k, received.received), windows = choose_windows(c.k, 1, training);
    decode_group(t, *windows_of(c.k, windows), &group, 1, training, max_iterations, crc);
    return block.result;
}

// What was received of a block for the first time to the decoder's scale, past the buffer of sums.
inline void sch_ring_first(const int16_t* llr, size_t e, const Circular& c, const Ring& part, const Scale& s,
                           int8_t* ring) {
    const size_t systematic = c.before[turbo_columns * c.rows], start = part.start;
    const size_t tail = std::min<size_t>(e, part.length - start), head = e - tail;
    sch_scale(llr, tail, start, systematic, s, ring);
    sch_scale(llr + tail, head, 0, systematic, s, ring);
    std::memset(ring + head, 0, start - head);
    std::memset(ring + start + tail, 0, c.length - start - tail);
}

// Whether a block's LLRs can go to the decoder past the sums.
inline bool sch_once(const SchJob& job, const SchBlock& b, const Circular& c) {
    return job.fresh && !c.n_filler && b.e <= size_t(ring(c, b.n_cb, job.shape->rv).length);
}

inline TurboResult sch_decode_ring(const SchJob& job, const SchTask& task, const Circular& c, int16_t* sum, SchScratch* t,
                                   uint8_t* bytes) {
    const SchBlock& b = task.block;
    const int crc = job.s.crc ? crc24b_kind : crc24a_kind, rv = job.shape->rv;
    const bool once = sch_once(job, b, c);
    if (!job.fresh)
        recover_block(task.llr, b.e, c, b.n_cb, rv, sum);
    else if (!once)
        sch_first(task.llr, b.e, c, b, rv, sum);
    // Zeros do not count, so what came once and for the first time tells all.
    const Level received = job.fresh && b.e <= size_t(c.length) ? level(task.llr, b.e) : level(sum, c.length);
    if (c.n_filler) {
        load_circular(&t->turbo, c, sum);
        return turbo_decode_block(&t->turbo, c.k, c.n_filler, received, job.max_iterations, crc, bytes);
    }
    if (hopeless({{}, {}, 0, bytes, received, {}}, c.k, crc)) {
        std::memset(bytes, 0, c.k / 8);
        return {0, 0};
    }
    const Scale s = scale_of(received, c.k);
    int8_t* scaled_ring = t->ring.llr + sch_front;
    if (once)
        sch_ring_first(task.llr, b.e, c, ring(c, b.n_cb, rv), s, scaled_ring);
    else
        sch_scale(sum, c.length, 0, c.before[turbo_columns * c.rows], s, scaled_ring);
    return sch_turbo(t, c, received, job.max_iterations, crc, bytes);
}

inline void sch_decode_block(const SchJob& job, SchTask& task, int r, SchScratch* t) {
    const SchBlock& b = task.block;
    const SchSoft* soft = job.soft;
    uint8_t* bytes = soft ? soft->bytes + r * sch_block_bytes : job.decoder->bytes[r];
    task.ok = soft && soft->passed[r];
    task.tried = !task.ok;
    if (task.tried) {
        const CircularFor circular(b.k, b.n_filler);
        int16_t* sum = soft ? soft->llr + r * soft->stride : t->soft + sch_front;
        const Circular& c = *circular.table;
        const TurboResult done = sch_decode_ring(job, task, c, sum, t, bytes);
        task.ok = done.crc_ok;
        task.iterations = (done.half_iterations + 1) / 2;
        const bool once = sch_once(job, b, c);
        if (soft) soft->passed[r] = !task.ok ? 0 : once ? sch_passed_at_once : 1;
        if (soft && once && !task.ok) sch_first(task.llr, b.e, c, b, job.shape->rv, sum);  // the next one is added to it
    }
    std::memcpy(task.whole, bytes + b.n_filler / 8, b.data);
}

// A block passed that should not have: which one is unknown, so the next transmission decodes them all.
inline void sch_doubt(const SchJob& job) {
    const SchSoft* soft = job.soft;
    for (int r = 0; r < job.s.c; ++r) {
        const SchTask& task = job.decoder->tasks[r];
        const CircularFor circular(task.block.k, task.block.n_filler);
        if (soft->passed[r] == sch_passed_at_once)
            sch_first(task.llr, task.block.e, *circular.table, task.block, job.shape->rv, soft->llr + r * soft->stride);
    }
    std::memset(soft->passed, 0, job.s.c);
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
    if (soft && outcome.blocks_ok == s.c && !outcome.crc_ok) sch_doubt(job);
    std::memcpy(payload, t->whole, shape->tbs / 8);
    return outcome;
}

}  // namespace picocell::PICOCELL_NS
