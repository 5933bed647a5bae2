// Where everything stands while code blocks are decoded.
//
// B code blocks share the lanes: lane = row of the lifting x B + block, n = Z B lanes, so a cyclic shift by V is one by
// V B lanes whatever Z is. A column of posterior LLRs is kept as the last row that used it saw it (rotated), followed
// by a copy of its first register: the next row reads it at the difference of the shifts, unaligned, and writes it
// aligned. It writes to the column's other slot, since later registers of the row still read the first.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int ldpc_max_lanes = 576;                               // Z B, whole registers
constexpr int ldpc_max_slot = ldpc_max_lanes + 64;                // a column with its copy
constexpr int ldpc_max_ring = 26;                                 // columns that more than one row uses
constexpr int ldpc_max_ring_edges = ldpc_max_edges - (ldpc_max_rows - 4);

constexpr int ldpc_low_rate = 10;  // rows in use from which messages are taken down by an offset

struct LdpcLayer {
    int row, degree;  // degree: edges to ring columns
    bool extended;    // has a column of its own
    int reads;        // index of its offsets: degree a register
    int writes;       // index of its destinations: degree
    int messages;     // registers of messages before its own
};

struct LdpcPlan {
    int batch;                           // 0: no plan yet
    int lanes, registers, slot, layers;  // slot: lanes from one slot to the next
    int weaker_shift, weaker_offset;     // see LdpcRow
    uint64_t active;                     // rows in use
    LdpcLayer layer[ldpc_max_rows];
    // By parity of the iteration: a column that an odd number of rows uses changes slots from one to the next.
    uint16_t read[2][ldpc_max_ring_edges * (ldpc_max_lanes / Lanes8::width)], write[2][ldpc_max_ring_edges];
    int rotation[ldpc_max_ring];     // of each column between iterations, in rows of the lifting
    int offset[2][ldpc_max_ring];    // of each column before an iteration of this parity
};

// Registers a code block costs, with what every row costs beside.
inline double ldpc_batch_cost(int z, int batch, int blocks) {
    const int registers = (z * batch + Lanes8::width - 1) / Lanes8::width;
    return (registers + 0.7) / std::min(batch, blocks);
}

inline int ldpc_batch(int z, int blocks) {
    int best = 0;
    for (int batch = 1; batch <= Lanes8::width && z * batch <= 544; batch *= 2) {
        if (z * batch < Lanes8::width) continue;
        if (!best || ldpc_batch_cost(z, batch, blocks) < ldpc_batch_cost(z, best, blocks)) best = batch;
    }
    return best;
}

// Rows of low degree come first: they know the two columns that are never sent before the others need them, which
// at low rates is worth several tenths of a dB after six iterations.
inline void ldpc_place_layers(LdpcPlan* p, const LdpcGraph& g) {
    int reads = 0, writes = 0, messages = 0;
    p->layers = 0;
    int order[ldpc_max_rows];
    const auto degree = [&](int row) { return g.row_begin[row + 1] - g.row_begin[row]; };
    for (int row = 0; row < g.rows; ++row) {
        int at = row;
        for (; at > 0 && degree(order[at - 1]) > degree(row); --at) order[at] = order[at - 1];
        order[at] = row;
    }
    for (int i = 0; i < g.rows; ++i) {
        const int row = order[i];
        if (!(p->active >> row & 1)) continue;
        LdpcLayer& l = p->layer[p->layers++];
        l.row = row;
        l.extended = row >= 4;
        l.degree = g.row_begin[row + 1] - g.row_begin[row] - l.extended;
        l.reads = reads;
        l.writes = writes;
        l.messages = messages;
        reads += l.degree * p->registers;
        writes += l.degree;
        messages += l.degree * p->registers;
    }
}

// Reads of `registers` registers of a column that stands `shift` lanes away from what is wanted.
inline void ldpc_reads(const LdpcPlan& p, int column_offset, int shift, int stride, uint16_t* out) {
    int at = shift;
    for (int k = 0; k < p.registers; ++k, at += Lanes8::width) {
        while (at >= p.lanes) at -= p.lanes;
        out[k * stride] = static_cast<uint16_t>(column_offset + at);
    }
}

inline void ldpc_make_plan(LdpcPlan* p, const LdpcGraph& g, int batch, uint64_t active) {
    if (p->batch == batch && p->active == active) return;
    p->batch = batch;
    p->active = active;
    p->lanes = g.z * batch;
    p->registers = (p->lanes + Lanes8::width - 1) / Lanes8::width;
    p->slot = (p->registers + 1) * Lanes8::width;
    ldpc_place_layers(p, g);
    const bool sparse = p->layers >= ldpc_low_rate;
    p->weaker_shift = sparse || g.kb == 10 ? 3 : 2;  // the rows of base graph 1 alone are long
    p->weaker_offset = sparse ? 2 : 0;
    const int columns = g.kb + 4;
    for (int c = 0; c < columns; ++c) p->rotation[c] = 0, p->offset[0][c] = 2 * c * p->slot;
    for (int l = 0; l < p->layers; ++l) {
        const LdpcEdge* edge = g.edge + g.row_begin[p->layer[l].row];
        for (int e = 0; e < p->layer[l].degree; ++e) p->rotation[edge[e].column] = edge[e].shift;
    }
    for (int parity = 0; parity < 2; ++parity) {
        int rotation[ldpc_max_ring], offset[ldpc_max_ring];
        std::copy(p->rotation, p->rotation + columns, rotation);
        std::copy(p->offset[parity], p->offset[parity] + columns, offset);
        for (int l = 0; l < p->layers; ++l) {
            const LdpcLayer& layer = p->layer[l];
            const LdpcEdge* edge = g.edge + g.row_begin[layer.row];
            for (int e = 0; e < layer.degree; ++e) {
                const int c = edge[e].column, shift = (edge[e].shift - rotation[c] + g.z) % g.z;
                ldpc_reads(*p, offset[c], shift * batch, layer.degree, p->read[parity] + layer.reads + e);
                offset[c] = 4 * c * p->slot + p->slot - offset[c];
                rotation[c] = edge[e].shift;
                p->write[parity][layer.writes + e] = static_cast<uint16_t>(offset[c]);
            }
        }
        if (parity == 0) std::copy(offset, offset + columns, p->offset[1]);
    }
}

}  // namespace picocell::PICOCELL_NS
