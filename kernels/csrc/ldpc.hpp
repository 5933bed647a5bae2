// NR LDPC code: encoder, rate matching, layered min-sum decoder. TS 38.212 5.3.2 and 5.4.2.
#pragma once
#include <cstddef>
#include <cstdint>

namespace picocell {

constexpr int ldpc_max_rows = 46, ldpc_max_columns = 68, ldpc_max_edges = 316, ldpc_max_degree = 19;

struct LdpcEdge {
    int32_t row, column, shift;  // shift: V(i, j) mod Z
};

// A base graph lifted by Z. Rows in order, their edges by ascending column; column kb + i is the only one of its own
// for row i >= 4, with shift 0.
struct LdpcGraph {
    int z, kb, rows, columns, edges;
    LdpcEdge edge[ldpc_max_edges];
    int row_begin[ldpc_max_rows + 1];
};

// Where rate matching takes its bits: a circular buffer of n_cb coded bits of which [filler_begin, filler_end) is left
// out, read from k0 on.
struct LdpcRing {
    int n_cb, filler_begin, filler_end, k0;
};

enum LdpcLlr : int { ldpc_int8 = 0, ldpc_int16 = 1, ldpc_float32 = 2 };

// LLRs of several code blocks, and how far to go.
struct LdpcInput {
    const void* llr;
    int kind;         // an LdpcLlr
    int blocks;
    int length;       // LLRs a block
    int n_filler;
    int n_iterations;
    int crc;          // a CrcKind, or -1
    bool early_stop;
};

struct LdpcOps {
    // Bits one a byte: blocks of kb Z to blocks of (columns - 2) Z.
    void (*encode)(const LdpcGraph* graph, const uint8_t* bits, int blocks, uint8_t* coded);
    // e bits of a block of n coded bits, interleaved for q_m bits a symbol.
    void (*match)(const LdpcRing* ring, const uint8_t* coded, int q_m, size_t e, uint8_t* out);
    // Adds e LLRs where their bits stand, saturating.
    void (*recover)(const LdpcRing* ring, const int16_t* llr, int q_m, size_t e, int16_t* soft);
    void* (*decoder_new)(const LdpcGraph* graph);
    void (*decoder_free)(void* decoder);
    // bits: kb Z a block, one a byte; ok and iterations: one a block.
    void (*decode)(void* decoder, const LdpcInput* input, uint8_t* bits, uint8_t* ok, int32_t* iterations);
    // Code blocks that share a register where `blocks` are decoded in one call.
    int (*batch)(int z, int blocks);
};

const LdpcOps& ldpc_ops_base();
const LdpcOps& ldpc_ops_avx2();
const LdpcOps& ldpc_ops_avx512();

inline const LdpcOps& ldpc_ops(int isa) {
#if defined(__x86_64__)
    if (isa == 2) return ldpc_ops_avx512();
    if (isa == 1) return ldpc_ops_avx2();
#endif
    (void)isa;
    return ldpc_ops_base();
}

}  // namespace picocell
