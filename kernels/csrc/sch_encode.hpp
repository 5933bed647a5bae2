// Turbo encoding and rate matching of the code blocks of a transport block side by side: bit b of element t belongs to
// bit t of code block b, so that interleaving, encoding and rate matching move and add bits of up to 16 blocks at once.
//
// The parity of an input u is (1 + D + D^3) / (1 + D^2 + D^3) u = u + (D + D^2 + D^3 + D^6) / (1 + D^7) u, and
// 1 / (1 + D^7) = (1 + D^7 + D^14 + D^21) / (1 + D^28): a recursion whose steps are whole vectors.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int slice_pad = 64;  // zeros before and behind a row
constexpr size_t slice_row = slice_pad + turbo_max_k + 2 * slice_pad;

template <class T>
struct Slices {
    static constexpr int blocks = 8 * sizeof(T);
    static constexpr int lanes = PICOCELL_VECTOR_BYTES / sizeof(T);
    typedef T V __attribute__((vector_size(PICOCELL_VECTOR_BYTES), may_alias));
    typedef T Unaligned __attribute__((vector_size(PICOCELL_VECTOR_BYTES), aligned(sizeof(T)), may_alias));

    alignas(64) T input[slice_row], mixed[slice_row], taps[slice_row], sum[slice_row];
    alignas(64) T d[3 * (turbo_max_k + 4) + slice_pad];

    Slices() {
        for (T* row : {input, mixed, taps}) std::fill_n(row, slice_pad, T{0});
    }
    static inline V load(const T* p) { return *reinterpret_cast<const Unaligned*>(p); }
    static inline void store(T* p, V v) { *reinterpret_cast<Unaligned*>(p) = v; }
};

// Places of the bits of each element within what is broadcast below, and the lane that they come from.
template <class T, size_t... I>
inline typename Slices<T>::V slice_spread(typename Slices<T>::V x, std::index_sequence<I...>) {
    constexpr size_t unit = 8 * sizeof(T), in_lane = 16 / sizeof(T);
    return __builtin_shufflevector(x, x, (int)(I / in_lane * in_lane + I / unit)...);
}
template <class T, size_t... I>
constexpr typename Slices<T>::V slice_select(std::index_sequence<I...>) {
    constexpr size_t unit = 8 * sizeof(T);
    return typename Slices<T>::V{static_cast<T>(1u << (I % unit / 8 * 8 + 7 - I % 8))...};
}

// Bytes of n blocks, `stride` apart, to k elements.
template <class T>
void slice_bytes(const uint8_t* bytes, size_t stride, int n, int k, T* out) {
    using S = Slices<T>;
    using V = typename S::V;
    using Index = std::make_index_sequence<S::lanes>;
    constexpr int step = S::lanes / 8;  // bytes that give a vector
    const V select = slice_select<T>(Index{});
    for (int i = 0; i < k / 8; i += step) {
        V sum{};
        for (int b = 0; b < n; ++b) {
            uint64_t some = 0;
            std::memcpy(&some, bytes + b * stride + i, step);
            if (step < 8) some |= some << (step * 8 % 64);
            if (step < 4) some |= some << (step * 16 % 64);
            if (step < 2) some |= some << (step * 32 % 64);
            typedef uint64_t Words __attribute__((vector_size(PICOCELL_VECTOR_BYTES)));
            const V spread = slice_spread<T>(reinterpret_cast<V>(Words{} + some), Index{});
            const T bit = static_cast<T>(1u << b);
            sum |= reinterpret_cast<V>((spread & select) != 0) & bit;
        }
        S::store(out + i * 8, sum);
    }
}

// Parity of k elements into z and the six tail elements x, z, x, z, x, z. Rows have zeros before and behind them.
template <class T>
void slice_constituent(Slices<T>& s, const T* u, int k, T* z, T* tail) {
    using S = Slices<T>;
    using V = typename S::V;
    constexpr int stride = S::lanes / 8 * 7, terms = stride / 7;
    T* q = s.taps + slice_pad;
    T* sum = s.sum + slice_pad;
    for (int t = 0; t < k + slice_pad; t += S::lanes)
        S::store(q + t, S::load(u + t - 1) ^ S::load(u + t - 2) ^ S::load(u + t - 3) ^ S::load(u + t - 6));
    V carry{};
    for (int t = 0; t < k + 3; t += stride) {
        V x = S::load(q + t);
        for (int i = 1; i < terms; ++i) x ^= S::load(q + t - 7 * i);
        carry ^= x;
        S::store(sum + t, carry);
    }
    for (int t = 0; t < k; ++t) z[t] = u[t] ^ sum[t];
    // What comes out for zeros behind the block tells the state, newest bit first.
    T s2 = sum[k] ^ sum[k + 1], s0 = sum[k + 2] ^ s2, s1 = sum[k] ^ s0;
    for (int i = 0; i < 3; ++i) {
        tail[2 * i] = s1 ^ s2;
        tail[2 * i + 1] = s0 ^ s2;
        s2 = s1, s1 = s0, s0 = 0;
    }
}

// s.input (k elements from slice_pad on) to the three streams s.d (TS 36.212 5.1.3.2).
template <class T>
void slice_turbo(Slices<T>& s, int k) {
    const uint16_t* order = interleaver(k)->order.data;
    T* u = s.input + slice_pad;
    T* mixed = s.mixed + slice_pad;
    T tail[12];
    const int stride = k + 4;
    std::fill(u + k, u + k + 2 * slice_pad, T{0});
    std::fill(mixed + k, mixed + k + 2 * slice_pad, T{0});
#pragma GCC unroll 8
    for (int i = 0; i < k; ++i) mixed[i] = u[order[i]];
    std::memcpy(s.d, u, k * sizeof(T));
    slice_constituent(s, u, k, s.d + stride, tail);
    slice_constituent(s, mixed, k, s.d + 2 * stride, tail + 6);
    for (int i = 0; i < 12; ++i) s.d[i % 3 * stride + k + i / 3] = tail[i];
}

// Bit b of 64 elements as a word, the first lowest.
template <class T>
inline uint64_t slice_word(const T* x, int b) {
#if PICOCELL_ISA_LEVEL == 2
    if constexpr (sizeof(T) == 1)
        return _mm512_test_epi8_mask(_mm512_loadu_si512(x), _mm512_set1_epi8(static_cast<char>(1 << b)));
    const __m512i bit = _mm512_set1_epi16(static_cast<int16_t>(1u << b));
    return uint64_t{_mm512_test_epi16_mask(_mm512_loadu_si512(x), bit)} |
           uint64_t{_mm512_test_epi16_mask(_mm512_loadu_si512(x + 32), bit)} << 32;
#else
    uint8_t bits[64];
    for (int i = 0; i < 64; ++i) bits[i] = static_cast<uint8_t>(x[i] >> b & 1);
    uint64_t word = 0;
    for (int i = 0; i < 8; ++i) {
        uint64_t eight;
        std::memcpy(&eight, bits + 8 * i, 8);
        word |= (eight * 0x0102040810204080u) >> 56 << (8 * i);
    }
    return word;
#endif
}

// Sets n <= 64 bits from bit `at` on; those from there on were zero.
inline void slice_put(uint64_t* words, size_t at, uint64_t word, size_t n) {
    if (n < 64) word &= (uint64_t{1} << n) - 1;
    const unsigned shift = at % 64;
    words[at / 64] |= word << shift;
    if (shift + n > 64) words[at / 64 + 1] |= word >> (64 - shift);
}

// Rate matching of n blocks to e[b] bits each, which begin at bit first[b] of `out`.
template <class T>
void slice_match(const Slices<T>& s, const Circular& c, const Ring& part, int n, const size_t* e, const size_t* first,
                 uint64_t* out) {
    constexpr size_t chunk = 512;
    alignas(64) T x[chunk];
    const size_t most = *std::max_element(e, e + n);
    size_t place = part.start;
    for (size_t done = 0; done < most; done += chunk) {
        for (size_t i = 0; i < chunk;) {
            const size_t run = std::min(chunk - i, part.length - place);
            const uint16_t* source = c.source.data + place;
#pragma GCC unroll 8
            for (size_t j = 0; j < run; ++j) x[i + j] = s.d[source[j]];
            i += run;
            place = place + run == size_t(part.length) ? 0 : place + run;
        }
        for (int b = 0; b < n; ++b)
            for (size_t i = 0; i < chunk && done + i < e[b]; i += 64)
                slice_put(out, first[b] + done + i, slice_word(x + i, b), std::min<size_t>(64, e[b] - done - i));
    }
}

}  // namespace picocell::PICOCELL_NS
