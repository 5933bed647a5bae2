// The paths of a list: one lane each, their costs, and which of them go on where each may go on in two ways.
#pragma once

namespace picocell::PICOCELL_NS {

constexpr int polar_ranks = PICOCELL_VECTOR_BYTES / 4;
typedef int32_t PolarRanks __attribute__((vector_size(PICOCELL_VECTOR_BYTES), may_alias));

// W paths. Each LLR and each bit is W bytes, path l in byte l. What waits on a level while paths part below it is not
// moved: `from` says for each level and path where it stands, and is applied when that level is read.
template <int W>
struct PolarPaths {
    typedef typename PolarVector<int32_t, W>::Type Ints;
    typedef typename PolarVector<int8_t, W>::Type Bytes;
    static constexpr int32_t lost = 1 << 24;  // cost of a path that is none; real ones stay below 2^17
    static constexpr int rows = (16 * polar_max_levels + 63) / 64 * 64;

    alignas(64) int8_t alpha[polar_level_at<W>(polar_max_levels) + 64];
    alignas(64) int8_t beta[W * polar_max_n + 64];
    alignas(64) int8_t from_alpha[rows], from_beta[rows];  // W bytes a level
    alignas(64) int32_t cost[W], parity[W];                // parity: sums y_0..y_4 of 5.3.1.2 in bits
    uint32_t moved_alpha, moved_beta;                      // levels whose `from` is not the identity
    int keep;                                              // paths that may live
    int at[polar_max_levels];

    PolarPaths() {
        for (int l = 0; l < polar_max_levels; ++l) at[l] = polar_level_at<W>(l);
        std::memset(alpha, 0, sizeof alpha);
        std::memset(beta, 0, sizeof beta);
    }

    int8_t* llr(int level) { return alpha + at[level]; }

    static Ints load(const int32_t* p) {
        Ints x;
        std::memcpy(&x, p, sizeof x);
        return x;
    }
    static void store(int32_t* p, Ints x) { std::memcpy(p, &x, sizeof x); }

    static Ints numbers() {
        Ints x;
        for (int l = 0; l < W; ++l) x[l] = l;
        return x;
    }

    void start(int list) {
        keep = list;
        std::fill(cost, cost + W, lost);
        cost[0] = 0;
        std::memset(parity, 0, sizeof parity);
        moved_alpha = moved_beta = 0;
    }

    // W bytes repeated through a register.
    static PolarV repeat(const int8_t* p) {
        if constexpr (W == 8) {
            typedef uint64_t Words __attribute__((vector_size(polar_width), may_alias));
            uint64_t word;
            std::memcpy(&word, p, 8);
            return (PolarV)(Words{} + word);
        } else {
#if PICOCELL_ISA_LEVEL == 2
            return (PolarV)_mm512_maskz_broadcast_i32x4(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#elif PICOCELL_ISA_LEVEL == 1
            return (PolarV)_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
#else
            return Lanes8::load(p);
#endif
        }
    }

    // Index register for `move` from W bytes that say where each path comes from.
    static PolarV mover(const int8_t* p) {
        PolarV index = repeat(p);
        if constexpr (W == 8) {
            typedef uint64_t Words __attribute__((vector_size(polar_width), may_alias));
            Words second;
            for (int i = 0; i < polar_width / 8; ++i) second[i] = i & 1 ? 0x0808080808080808 : 0;
            index |= (PolarV)second;
        }
        return index;
    }

    // Each path's byte from where the index says, within groups of 16 bytes.
    static PolarV move(PolarV x, PolarV index) {
#if PICOCELL_ISA_LEVEL == 2
        return (PolarV)_mm512_shuffle_epi8((__m512i)x, (__m512i)index);
#elif PICOCELL_ISA_LEVEL == 1
        return (PolarV)_mm256_shuffle_epi8((__m256i)x, (__m256i)index);
#else
        return __builtin_shuffle(x, index);
#endif
    }

    // What stands on this level is in the order of the paths as they are now.
    static void settle(int8_t* from, uint32_t* moved, int level) {
        for (int l = 0; l < W; ++l) from[level * W + l] = int8_t(l);
        *moved &= ~(1u << level);
    }

    // Path l goes on from path source[l]: of all that waits.
    void part(Ints source) {
        const Bytes narrow = __builtin_convertvector(source, Bytes);
        const PolarV index = mover(reinterpret_cast<const int8_t*>(&narrow));
        for (int i = 0; i < W * polar_max_levels; i += polar_width) {
            Lanes8::store_aligned(from_alpha + i, move(Lanes8::load_aligned(from_alpha + i), index));
            Lanes8::store_aligned(from_beta + i, move(Lanes8::load_aligned(from_beta + i), index));
        }
        moved_alpha = moved_beta = ~0u;
        store(parity, __builtin_shuffle(load(parity), source));
    }

    // One bit a lane: whether it is negative.
    static uint32_t signs(PolarRanks x) {
#if PICOCELL_ISA_LEVEL == 2
        return _mm512_movepi32_mask((__m512i)x);
#elif PICOCELL_ISA_LEVEL == 1
        return static_cast<uint32_t>(_mm256_movemask_ps((__m256)x));
#else
        uint32_t bits = 0;
        for (int i = 0; i < polar_ranks; ++i) bits |= uint32_t(x[i] < 0) << i;
        return bits;
#endif
    }

    // Of 2 W keys, one bit each: whether it is among the `keep` least.
    uint32_t least(const int32_t* key) const {
        constexpr int registers = 2 * W / polar_ranks;
        PolarRanks keys[registers], below[registers] = {};
        std::memcpy(keys, key, sizeof keys);
        for (int i = 0; i < 2 * W; ++i)
            for (int r = 0; r < registers; ++r) below[r] += keys[r] > key[i];  // -1 where it holds
        uint32_t bits = 0;
        for (int r = 0; r < registers; ++r) bits |= signs(-keep - below[r]) << (polar_ranks * r);
        return bits;
    }

    // Each path may go on at its cost as it is, or otherwise at `other`, which is no less. Keeps the cheapest; those
    // that go on as they are stay in their lane. False if none goes on otherwise. `source` says where paths come
    // from, `turned` (0 or -1) which went on otherwise.
    bool choose(Ints other, Ints* source, Ints* turned) {
        alignas(64) int32_t key[2 * W], others[W], came[W], flag[W];
        const Ints lane = numbers(), mine = load(cost);
        store(key, (mine << 6) | lane);  // no two are equal
        store(key + W, (other << 6) | (lane + W));
        const uint32_t living = least(key);
        uint32_t born = living >> W, dead = ~living & ((1u << W) - 1);
        if (!born) return false;
        store(others, other);
        store(came, lane);
        store(flag, Ints{});
        for (; born; born &= born - 1, dead &= dead - 1) {
            const int to = __builtin_ctz(dead), parent = __builtin_ctz(born);
            came[to] = parent;
            flag[to] = -1;
            cost[to] = others[parent];
        }
        for (; dead; dead &= dead - 1) cost[__builtin_ctz(dead)] = lost;
        *source = load(came);
        *turned = load(flag);
        return true;
    }
};

}  // namespace picocell::PICOCELL_NS
