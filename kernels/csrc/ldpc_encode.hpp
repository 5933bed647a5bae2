// LDPC encoder (TS 38.212 5.3.2): eight code blocks at a time, block b in bit b of a byte, lane = row of the lifting.
// A column stands twice in a row, so that any cyclic shift is one run of loads.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int encoder_group = 8;
constexpr int encoder_slot = 2 * 384 + 64;

struct LdpcEncoder {
    using X = Lanes8;
    alignas(64) int8_t column[26][encoder_slot];
    alignas(64) int8_t sum[5][384 + 64];

    // The XOR over the edges [begin, end) of columns shifted, into out.
    static void add_row(const LdpcEncoder& e, const LdpcEdge* begin, const LdpcEdge* end, int z, int8_t* out) {
        for (int p = 0; p < z; p += X::width) {
            X::V acc{};
            for (const LdpcEdge* edge = begin; edge < end; ++edge)
                acc ^= X::load(e.column[edge->column] + edge->shift + p);
            X::store_aligned(out + p, acc);
        }
    }

    // The second copy of a column. It may run a register past its end.
    static void repeat(int8_t* column, int z) {
        for (int p = 0; p < z; p += X::width) X::store(column + z + p, X::load(column + p));
    }
};

// Bits of up to eight blocks into one byte. Of a byte the lowest bit counts, so whole words may be shifted.
inline void ldpc_pack_column(const uint8_t* bits, size_t stride, int blocks, int z, int8_t* out) {
    using X = Lanes8;
    const X::V one = X::fill(1);
    for (int p = 0; p < z; p += X::width) {
        const int n = z - p;
        X::Wide acc{};
        for (int b = 0; b < blocks; ++b) {
            const uint8_t* from = bits + b * stride + p;
            const X::V x = n >= X::width ? X::load(reinterpret_cast<const int8_t*>(from)) : X::load_part(from, n);
            acc |= (X::Wide)(x & one) << b;
        }
        X::store(out + p, (X::V)acc);
    }
}

inline void ldpc_unpack_column(const int8_t* in, int z, int blocks, uint8_t* bits, size_t stride) {
    using X = Lanes8;
    const X::V one = X::fill(1);
    for (int b = 0; b < blocks; ++b) {
        uint8_t* to = bits + b * stride;
        int p = 0;
        for (; p + X::width <= z; p += X::width)
            X::store(reinterpret_cast<int8_t*>(to + p), (X::V)((X::Wide)X::load(in + p) >> b) & one);
        if (p < z) X::store_part(to + p, (X::V)((X::Wide)X::load(in + p) >> b) & one, z - p);
    }
}

// The four core parity columns. Rows 0..3 hold column kb three times, twice with the same shift: the sum of the rows
// leaves one shift of it. Each of the other three follows from a row in which it is the only unknown.
inline void ldpc_core_parity(const LdpcGraph& g, LdpcEncoder* e) {
    const int z = g.z, kb = g.kb;
    int odd = 0;  // the shift that is left: equal shifts cancel under XOR
    bool first = true;
    const LdpcEdge* rest[4];
    for (int row = 0; row < 4; ++row) {
        const LdpcEdge *begin = g.edge + g.row_begin[row], *end = g.edge + g.row_begin[row + 1];
        while (end > begin && end[-1].column >= kb) --end;
        rest[row] = end;
        LdpcEncoder::add_row(*e, begin, end, z, e->sum[row]);
        if (end->column == kb) odd = first ? end->shift : odd ^ end->shift, first = false;
    }
    using X = LdpcEncoder::X;
    for (int i = 0; i < z; i += X::width) {
        const X::V part = X::load(e->sum[0] + i) ^ X::load(e->sum[1] + i);
        X::store(e->sum[4] + i, part ^ X::load(e->sum[2] + i) ^ X::load(e->sum[3] + i));
    }
    std::memcpy(e->column[kb] + odd, e->sum[4], z - odd);
    std::memcpy(e->column[kb], e->sum[4] + z - odd, odd);
    LdpcEncoder::repeat(e->column[kb], z);
    bool known[4] = {true, false, false, false};
    for (int solved = 1; solved < 4;)
        for (int row = 0; row < 4; ++row) {
            const LdpcEdge *end = g.edge + g.row_begin[row + 1], *unknown = nullptr;
            int count = 0;
            for (const LdpcEdge* edge = rest[row]; edge < end; ++edge)
                if (!known[edge->column - kb]) unknown = edge, ++count;
            if (count != 1) continue;
            for (const LdpcEdge* edge = rest[row]; edge < end; ++edge)
                if (edge != unknown)
                    for (int i = 0; i < z; i += X::width)
                        X::store(e->sum[row] + i,
                                 X::load(e->sum[row] + i) ^ X::load(e->column[edge->column] + edge->shift + i));
            std::memcpy(e->column[unknown->column], e->sum[row], z);
            LdpcEncoder::repeat(e->column[unknown->column], z);
            known[unknown->column - kb] = true;
            ++solved;
        }
}

inline void ldpc_encode_group(const LdpcGraph& g, LdpcEncoder* e, const uint8_t* bits, int blocks, uint8_t* coded) {
    const int z = g.z, kb = g.kb;
    const size_t k = size_t(kb) * z, n = size_t(g.columns - 2) * z;
    for (int b = 0; b < blocks; ++b)
        for (size_t i = 0; i < k - 2 * z; ++i) coded[b * n + i] = bits[b * k + 2 * z + i] & 1;
    for (int c = 0; c < kb; ++c) {
        ldpc_pack_column(bits + size_t(c) * z, k, blocks, z, e->column[c]);
        LdpcEncoder::repeat(e->column[c], z);
    }
    ldpc_core_parity(g, e);
    for (int c = kb; c < kb + 4; ++c) ldpc_unpack_column(e->column[c], z, blocks, coded + size_t(c - 2) * z, n);
    for (int row = 4; row < g.rows; ++row) {
        const LdpcEdge *begin = g.edge + g.row_begin[row], *end = g.edge + g.row_begin[row + 1] - 1;
        LdpcEncoder::add_row(*e, begin, end, z, e->sum[0]);
        ldpc_unpack_column(e->sum[0], z, blocks, coded + size_t(kb + row - 2) * z, n);
    }
}

inline void ldpc_encode(const LdpcGraph* graph, const uint8_t* bits, int blocks, uint8_t* coded) {
    LdpcEncoder e;
    const size_t k = size_t(graph->kb) * graph->z, n = size_t(graph->columns - 2) * graph->z;
    for (int b = 0; b < blocks; b += encoder_group)
        ldpc_encode_group(*graph, &e, bits + b * k, std::min(encoder_group, blocks - b), coded + b * n);
}

}  // namespace picocell::PICOCELL_NS
