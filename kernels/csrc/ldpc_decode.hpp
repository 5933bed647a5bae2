// Layered min-sum decoding of groups of code blocks.
#pragma once

namespace picocell::PICOCELL_NS {

struct LdpcDecoder {
    LdpcGraph graph;
    LdpcPlan plan;
    alignas(64) int8_t posterior[2 * ldpc_max_ring * ldpc_max_slot];
    alignas(64) int8_t messages[ldpc_max_ring_edges * ldpc_max_lanes];
    alignas(64) int8_t own[ldpc_max_rows * ldpc_max_lanes];  // channel LLRs of the columns that one row has to itself
    alignas(64) int8_t own_posterior[ldpc_max_rows * ldpc_max_lanes];
    alignas(64) int8_t column[ldpc_max_slot];
    alignas(64) uint8_t bits[ldpc_max_slot];
};

// Lanes of the last register of a column that hold something.
inline Lanes8::V ldpc_last_lanes(const LdpcPlan& p) {
    Lanes8::V last{};
    const int n = p.lanes - (p.registers - 1) * Lanes8::width;
    for (int i = 0; i < Lanes8::width; ++i) last[i] = i < n ? -1 : 0;
    return last;
}

// Lanes in which a bit of the block is undecided: nothing is known of it.
inline Lanes8::V ldpc_undecided(const LdpcDecoder& d, int parity) {
    using X = Lanes8;
    const LdpcPlan& p = d.plan;
    const X::V last = ldpc_last_lanes(p);
    X::V bad{};
    for (int c = 0; c < d.graph.kb; ++c)
        for (int k = 0; k < p.registers; ++k) {
            const X::V zero = X::load_aligned(d.posterior + p.offset[parity][c] + k * X::width) == 0;
            bad |= k + 1 == p.registers ? zero & last : zero;
        }
    return bad;
}

// Lanes in which a parity check does not hold. Of a single block only the first such row is of interest.
inline Lanes8::V ldpc_unsatisfied(const LdpcDecoder& d, int parity) {
    using X = Lanes8;
    const LdpcPlan& p = d.plan;
    const LdpcGraph& g = d.graph;
    const X::V last_lanes = ldpc_last_lanes(p);
    X::V bad{};
    for (int l = 0; l < p.layers && !(p.batch == 1 && X::any(bad < 0)); ++l) {
        const LdpcLayer& layer = p.layer[l];
        const LdpcEdge* edge = g.edge + g.row_begin[layer.row];
        int at[ldpc_max_degree];
        const int8_t* from[ldpc_max_degree];
        for (int e = 0; e < layer.degree; ++e) {
            const int c = edge[e].column, turn = edge[e].shift - p.rotation[c];
            at[e] = (turn < 0 ? turn + g.z : turn) * p.batch;
            from[e] = d.posterior + p.offset[parity][c];
        }
        for (int k = 0; k < p.registers; ++k) {
            X::V sum{};
            if (layer.extended) sum = X::load_aligned(d.own_posterior + layer.row * ldpc_max_lanes + k * X::width);
            for (int e = 0; e < layer.degree; ++e) {
                sum ^= X::load(from[e] + at[e]);
                at[e] += X::width;
                if (at[e] >= p.lanes) at[e] -= p.lanes;
            }
            bad |= k + 1 == p.registers ? sum & last_lanes : sum;
        }
    }
    return bad < 0;
}

template <bool First, bool Track>
void ldpc_iterate(LdpcDecoder* d, int parity) {
    const LdpcPlan& p = d->plan;
    for (int l = 0; l < p.layers; ++l) {
        const LdpcLayer& layer = p.layer[l];
        const LdpcRow row{d->posterior,
                          d->messages + size_t(layer.messages) * Lanes8::width,
                          p.read[parity] + layer.reads,
                          p.write[parity] + layer.writes,
                          d->own + layer.row * ldpc_max_lanes,
                          d->own_posterior + layer.row * ldpc_max_lanes,
                          p.lanes,
                          p.registers,
                          p.weaker_shift,
                          p.weaker_offset};
        ldpc_row_call<First, Track>(layer.degree, layer.extended)(row);
    }
}

inline void ldpc_iteration(LdpcDecoder* d, int parity, bool first, bool track) {
    if (first)
        track ? ldpc_iterate<true, true>(d, parity) : ldpc_iterate<true, false>(d, parity);
    else
        track ? ldpc_iterate<false, true>(d, parity) : ldpc_iterate<false, false>(d, parity);
}

// Own columns, the rows in use, the plan, and the ring columns.
inline void ldpc_load_group(LdpcDecoder* d, const LdpcGroup& group) {
    const LdpcGraph& g = d->graph;
    for (int row = 4; row < g.rows; ++row)
        if (group.rows >> row & 1) ldpc_fetch_lanes(group, g.kb + row, d->own + row * ldpc_max_lanes);
    LdpcPlan* p = &d->plan;
    ldpc_make_plan(p, g, group.batch, group.rows);
    for (int c = 0; c < g.kb + 4; ++c) {
        int8_t* to = d->posterior + p->offset[0][c];
        if (c < 2 || !ldpc_fetch_lanes(group, c, d->column))
            std::memset(to, 0, p->slot);
        else
            ldpc_place(d->column, p->lanes, p->rotation[c] * p->batch, to);
    }
}

// Decisions of the blocks of a group that `wanted` names, as they stand before an iteration of this parity.
inline void ldpc_bits(LdpcDecoder* d, int parity, const uint8_t* wanted, int blocks, uint8_t* out) {
    const LdpcGraph& g = d->graph;
    const LdpcPlan& p = d->plan;
    for (int c = 0; c < g.kb; ++c) {
        const int8_t* from = d->posterior + p.offset[parity][c];
        if (p.batch == 1) {
            ldpc_decide(from, p.lanes, p.rotation[c], out + size_t(c) * g.z);
            continue;
        }
        ldpc_decide(from, p.lanes, p.rotation[c] * p.batch, d->bits);
        const bool wide = ldpc_mixes(g.z, p.batch);
        alignas(64) int8_t rows[ldpc_mixed_bytes];
        if (wide) ldpc_unmix(reinterpret_cast<const int8_t*>(d->bits), g.z, p.batch, rows);
        for (int b = 0; b < blocks; ++b) {
            uint8_t* to = out + (size_t(b) * g.kb + c) * g.z;
            if (!wanted[b]) continue;
            if (wide)
                std::memcpy(to, rows + b * ldpc_whole(g.z), g.z);
            else
                for (int i = 0; i < g.z; ++i) to[i] = d->bits[i * p.batch + b];
        }
    }
}

inline void ldpc_decode_group(LdpcDecoder* d, const LdpcGroup& group, uint8_t* bits, uint8_t* ok,
                              int32_t* iterations) {
    const LdpcInput& in = *group.input;
    const size_t k = size_t(d->graph.kb) * d->graph.z;
    uint8_t open[64];
    int n_open = group.blocks;
    std::memset(open, 1, sizeof open);
    ldpc_load_group(d, group);
    for (int i = 1; n_open; ++i) {
        const bool last = i == in.n_iterations, look = last || in.early_stop;
        const int parity = i & 1;  // of the next iteration
        ldpc_iteration(d, 1 - parity, i == 1, look && in.crc < 0);
        if (!look) continue;
        uint8_t failed[64] = {};
        const Lanes8::V undecided = ldpc_undecided(*d, parity);
        const Lanes8::V failing = in.crc < 0 ? undecided | ldpc_unsatisfied(*d, parity) : undecided;
        for (int lane = 0; lane < Lanes8::width; ++lane) failed[lane % group.batch] |= failing[lane] != 0;
        bool some = false;
        uint8_t wanted[64];
        for (int b = 0; b < group.blocks; ++b) some |= wanted[b] = open[b] && (last || !failed[b]);
        if (some) ldpc_bits(d, parity, wanted, group.blocks, bits);
        for (int b = 0; b < group.blocks; ++b) {
            if (!open[b]) continue;
            if (in.crc >= 0 && !failed[b]) failed[b] = crc_bits(in.crc, bits + b * k, k - in.n_filler) != 0;
            if (failed[b] && !last) continue;
            std::memset(bits + (b + 1) * k - in.n_filler, 0, in.n_filler);
            ok[b] = !failed[b];
            iterations[b] = i;
            open[b] = 0;
            --n_open;
        }
    }
}

inline float ldpc_gain_of(const LdpcInput& in, const uint8_t* llr, const LdpcGraph& g) {
    const int bits = g.kb * g.z - in.n_filler;
    if (in.kind == ldpc_int16) return ldpc_gain(reinterpret_cast<const int16_t*>(llr), in.length, bits);
    if (in.kind == ldpc_float32) return ldpc_gain(reinterpret_cast<const float*>(llr), in.length, bits);
    return 1.0f;
}

inline void ldpc_decode(void* decoder, const LdpcInput* input, uint8_t* bits, uint8_t* ok, int32_t* iterations) {
    auto* d = static_cast<LdpcDecoder*>(decoder);
    const LdpcGraph& g = d->graph;
    const size_t k = size_t(g.kb) * g.z, stride = size_t(input->length) * ldpc_bytes_of(input->kind);
    for (int begin = 0; begin < input->blocks;) {
        float gain[64];
        LdpcGroup group{input, &g, static_cast<const uint8_t*>(input->llr) + begin * stride, 1, 0, 0, gain};
        group.rows = ldpc_rows_in_use(g, *input, group.llr);
        const int most = std::min(ldpc_batch(g.z, input->blocks - begin), input->blocks - begin);
        while (group.blocks < most && ldpc_rows_in_use(g, *input, group.llr + group.blocks * stride) == group.rows)
            ++group.blocks;
        group.batch = ldpc_batch(g.z, group.blocks);
        group.blocks = std::min(group.blocks, group.batch);
        for (int b = 0; b < group.blocks; ++b) gain[b] = ldpc_gain_of(*input, group.llr + b * stride, g);
        ldpc_decode_group(d, group, bits + begin * k, ok + begin, iterations + begin);
        begin += group.blocks;
    }
}

inline void* ldpc_decoder_new(const LdpcGraph* graph) {
    void* p = std::aligned_alloc(64, (sizeof(LdpcDecoder) + 63) / 64 * 64);
    if (!p) return nullptr;
    std::memset(p, 0, sizeof(LdpcDecoder));
    static_cast<LdpcDecoder*>(p)->graph = *graph;
    return p;
}

inline void ldpc_decoder_free(void* decoder) { std::free(decoder); }

}  // namespace picocell::PICOCELL_NS
