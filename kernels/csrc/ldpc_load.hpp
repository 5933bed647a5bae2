// LLRs of code blocks into columns of lanes, and decisions back.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int ldpc_known = 127;  // LLR of a filler bit

// Mean magnitude that LLRs are brought to. At high rates they must be told apart finely; at low rates the sum of many
// messages must fit.
inline float ldpc_level(float rate) { return 8.0f + 16.0f * rate * rate; }

// Factor that brings the LLRs of a block of `bits` bits to the mean magnitude that suits its rate. NaN counts as zero.
template <class T>
float ldpc_gain(const T* llr, int n, int bits) {
    constexpr int lanes = 16;  // sums side by side: floating point may not be reordered otherwise
    float sums[lanes] = {}, counts[lanes] = {};
    for (int i = 0; i < n; i += lanes) {
        T part[lanes] = {};
        if (n - i >= lanes)
            std::memcpy(part, llr + i, sizeof part);
        else
            std::memcpy(part, llr + i, (n - i) * sizeof(T));
        for (int j = 0; j < lanes; ++j) {
            const float a = std::min(std::fabs(static_cast<float>(part[j])), 1e30f);
            const bool received = a > 0;
            sums[j] += received ? a : 0.0f;
            counts[j] += received ? 1.0f : 0.0f;
        }
    }
    float sum = 0, count = 0;
    for (int j = 0; j < lanes; ++j) sum += sums[j], count += counts[j];
    const float level = ldpc_level(count > bits ? bits / count : 1.0f);
    return sum > 0 ? std::min(level * (count / sum), 1e37f) : 0.0f;
}

inline void ldpc_quantise(const int8_t* in, int n, float, int8_t* out) {
    for (int i = 0; i < n; ++i) out[i] = std::max<int8_t>(in[i], -127);
}

template <class T>
void ldpc_quantise(const T* __restrict in, int n, float gain, int8_t* __restrict out) {
    for (int i = 0; i < n; ++i) {
        const float x = static_cast<float>(in[i]) * gain;
        const float limited = std::min(std::max(x == x ? x : 0.0f, -127.0f), 127.0f);
        out[i] = static_cast<int8_t>(static_cast<int32_t>(limited + std::copysign(0.5f, limited)));
    }
}

inline int ldpc_bytes_of(int kind) { return kind == ldpc_int8 ? 1 : kind == ldpc_int16 ? 2 : 4; }

// One group of code blocks.
struct LdpcGroup {
    const LdpcInput* input;
    const LdpcGraph* graph;
    const uint8_t* llr;  // of the group's first block
    int blocks, batch;
    uint64_t rows;       // in use: the same of all its blocks
    const float* gain;   // of each block
};

// The rows that a block uses: the first four, and those of whose own column some LLR differs from zero.
inline uint64_t ldpc_rows_in_use(const LdpcGraph& g, const LdpcInput& in, const uint8_t* llr) {
    const size_t bytes = ldpc_bytes_of(in.kind), column = g.z * bytes, end = in.length * bytes;
    uint64_t rows = 15;
    for (int row = 4; row < g.rows; ++row) {
        const size_t begin = (g.kb + row - 2) * column;
        uint8_t any = 0;
        for (size_t i = begin; i < std::min(begin + column, end); ++i) any |= llr[i];
        rows |= uint64_t{any != 0} << row;
    }
    return rows;
}

// Z LLRs of column c >= 2 of a block; false where none of them was received (and out is not written).
inline bool ldpc_fetch(const LdpcGroup& group, int block, int c, int8_t* out) {
    const LdpcInput& in = *group.input;
    const int z = group.graph->z, begin = (c - 2) * z;
    const int known_end = (group.graph->kb - 2) * z, known = known_end - in.n_filler;
    const int n = std::min(z, in.length - begin);
    const bool filler = begin < known_end && begin + z > known;
    if (n <= 0 && !filler) return false;
    const size_t at = size_t(block) * in.length + begin;
    if (n > 0) {
        if (in.kind == ldpc_int8)
            ldpc_quantise(reinterpret_cast<const int8_t*>(group.llr) + at, n, 0, out);
        else if (in.kind == ldpc_int16)
            ldpc_quantise(reinterpret_cast<const int16_t*>(group.llr) + at, n, group.gain[block], out);
        else
            ldpc_quantise(reinterpret_cast<const float*>(group.llr) + at, n, group.gain[block], out);
    }
    if (n < z) std::memset(out + std::max(n, 0), 0, z - std::max(n, 0));
    if (filler)
        for (int i = std::max(0, known - begin); i < z; ++i) out[i] = ldpc_known;
    return true;
}

// Column c of all blocks, lane by lane; false where nothing of it was received (and out is not written).
inline bool ldpc_fetch_lanes(const LdpcGroup& group, int c, int8_t* out) {
    if (group.batch == 1) return ldpc_fetch(group, 0, c, out);
    const int z = group.graph->z, batch = group.batch;
    alignas(64) int8_t rows[ldpc_mixed_bytes];
    const bool wide = ldpc_mixes(z, batch);
    const int stride = wide ? ldpc_whole(z) : 0;
    for (int b = 0; b < group.blocks; ++b) {
        int8_t* row = rows + b * stride;
        if (!ldpc_fetch(group, b, c, row)) return false;
        if (wide) continue;
        if (b == 0 && group.blocks < batch) std::memset(out, 0, size_t(z) * batch);
        for (int i = 0; i < z; ++i) out[i * batch + b] = row[i];
    }
    if (!wide) return true;
    std::memset(rows + group.blocks * stride, 0, size_t(batch - group.blocks) * stride);
    ldpc_mix(rows, z, batch, out);
    return true;
}

// n lanes turned by `turn` lanes, with the copy of the first register behind.
inline void ldpc_place(const int8_t* in, int n, int turn, int8_t* out) {
    std::memcpy(out, in + turn, n - turn);
    std::memcpy(out + n - turn, in, turn);
    std::memcpy(out + n, out, Lanes8::width);
}

// Decisions, 0 or 1, of a column that stands turned by `turn` lanes.
inline void ldpc_decide(const int8_t* in, int n, int turn, uint8_t* out) {
    using X = Lanes8;
    alignas(64) int8_t bits[ldpc_max_slot];
    for (int p = 0; p < n; p += X::width) X::store_aligned(bits + p, (X::load_aligned(in + p) < 0) & X::fill(1));
    std::memcpy(out + turn, bits, n - turn);
    std::memcpy(out, bits + n - turn, turn);
}

}  // namespace picocell::PICOCELL_NS
