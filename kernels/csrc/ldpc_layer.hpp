// One row of the base graph for all of its lanes: layered min-sum.
//
// A register at a time: the messages to the check (posterior less what this row said last) stay in registers while the
// least two magnitudes and the product of signs are found; then each edge gets its message and posterior.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int ldpc_cap = 31;  // largest message: room for the sum of several in a posterior of 127

struct LdpcRow {
    int8_t* posterior;      // of all ring columns
    int8_t* messages;       // register by register, edge by edge
    const uint16_t* read;   // register by register, edge by edge
    const uint16_t* write;  // edge by edge
    const int8_t* own;      // channel LLRs of the row's own column
    int8_t* own_posterior;
    int lanes, registers;
    int shift, offset;  // messages are m - (m >> shift) - offset
};

// First: no messages yet. Own: has a column of its own, whose message to the check is always its channel LLR. Track:
// write the posterior of that column too.
template <int Degree, bool Own, bool First, bool Track>
void ldpc_row(const LdpcRow& row) {
    using X = Lanes8;
    using V = X::V;
    using U = X::U;
    const uint16_t* read = row.read;
    int8_t* message = row.messages;
    uint32_t to[Degree];
    for (int e = 0; e < Degree; ++e) to[e] = row.write[e];
    const U offset = (U)X::fill(row.offset), cap = (U)X::fill(ldpc_cap) + offset;
    const auto weaker = [&](U m) { return X::max(X::min(m - (m >> row.shift), cap), offset) - offset; };
    for (int k = 0; k < row.registers; ++k) {
        V in[Degree], channel{};
        U least = (U)X::fill(127), second = least;
        V sign{};
        if (Own) {
            channel = X::load_aligned(row.own + k * X::width);
            least = X::abs(channel);
            sign = channel;
        }
#pragma GCC unroll 19
        for (int e = 0; e < Degree; ++e) {
            in[e] = X::load(row.posterior + read[e]);
            if (!First) in[e] = X::subs(in[e], X::load_aligned(message + e * X::width));
            const U a = X::abs(in[e]);
            second = X::min(second, X::max(least, a));
            least = X::min(least, a);
            sign ^= in[e];
        }
        const U low = weaker(least), high = weaker(second);
#pragma GCC unroll 19
        for (int e = 0; e < Degree; ++e) {
            const U magnitude = X::abs(in[e]) == least ? high : low;
            const V out = X::signed_as(magnitude, sign ^ in[e]);
            X::store_aligned(message + e * X::width, out);
            X::store_aligned(row.posterior + to[e] + k * X::width, X::adds(in[e], out));
        }
        if (Own && Track) {
            const U magnitude = X::abs(channel) == least ? high : low;
            X::store_aligned(row.own_posterior + k * X::width,
                             X::adds(channel, X::signed_as(magnitude, sign ^ channel)));
        }
        read += Degree;
        message += Degree * X::width;
    }
    // What a load that starts near the end of a column finds behind it.
    for (int e = 0; e < Degree; ++e)
        X::store(row.posterior + to[e] + row.lanes, X::load_aligned(row.posterior + to[e]));
}

using LdpcRowCall = void (*)(const LdpcRow&);

template <bool First, bool Track>
LdpcRowCall ldpc_row_call(int degree, bool own) {
    if (own) switch (degree) {
            case 2: return ldpc_row<2, true, First, Track>;
            case 3: return ldpc_row<3, true, First, Track>;
            case 4: return ldpc_row<4, true, First, Track>;
            case 5: return ldpc_row<5, true, First, Track>;
            case 6: return ldpc_row<6, true, First, Track>;
            case 7: return ldpc_row<7, true, First, Track>;
            case 8: return ldpc_row<8, true, First, Track>;
            default: return ldpc_row<9, true, First, Track>;
        }
    switch (degree) {
        case 8: return ldpc_row<8, false, First, false>;
        case 10: return ldpc_row<10, false, First, false>;
        default: return ldpc_row<19, false, First, false>;
    }
}

}  // namespace picocell::PICOCELL_NS
