// Nodes of a list decoder that are answered at once: where information is missing, in the last bit only, in all bits, or
// in all but the first. Each gives the same paths as going down to single bits would.
#pragma once

namespace picocell::PICOCELL_NS {

template <int W>
struct PolarNodes {
    typedef PolarPaths<W> Paths;
    typedef typename Paths::Ints Ints;
    typedef typename Paths::Bytes Bytes;
    typedef typename PolarVector<uint16_t, W / 2>::Type Half;  // every other path

    Paths& p;
    alignas(64) uint16_t even_keys[W << polar_max_node], odd_keys[W << polar_max_node];

    // Paths 0, 2, 4, ... and 1, 3, 5, ... as one.
    static Ints join(Half even, Half odd) {
        typedef typename PolarVector<uint32_t, W / 2>::Type Pairs;
        const Pairs pairs = __builtin_convertvector(even, Pairs) | __builtin_convertvector(odd, Pairs) << 16;
        return __builtin_convertvector((typename PolarVector<uint16_t, W>::Type)pairs, Ints);
    }

    // Sum over n bits of each path's cost(a), which is given registers of LLRs (zero behind the end) and returns costs.
    template <class Load>
    static Ints sum(int n, Load load) {
        const int bytes = n * W;
        PolarWide even{}, odd{};
        for (int i = 0; i < bytes; i += polar_width) {
            PolarWide x = (PolarWide)load(i);
            if (bytes < polar_width) x &= (PolarWide)polar_below(bytes);
            even += x & 0xff;
            odd += x >> 8;
        }
        const auto add = [](auto a, auto b) { return a + b; };
        return join((Half)polar_fold<W>(even, add), (Half)polar_fold<W>(odd, add));
    }

    Ints zero_cost(int level) {
        const int8_t* in = p.llr(level);
        return sum(1 << level, [&](int i) { return polar_cost(Lanes8::load_aligned(in + i)); });
    }

    // What the left child costs if all its bits are 0, from its parent's LLRs.
    void left_cost(int level) {
        const int half = W << level;
        const int8_t* in = p.llr(level + 1);
        const Ints more = sum(1 << level, [&](int i) {
            return polar_cost(polar_f(Lanes8::load_aligned(in + i), Lanes8::load(in + half + i)));
        });
        Paths::store(p.cost, Paths::load(p.cost) + more);
    }

    void zero(int level, int first) {
        Paths::store(p.cost, Paths::load(p.cost) + zero_cost(level));
        polar_fill(p.beta + first * W, W << level, PolarV{});
    }

    // Bytes 0 or -1 of each path, from integers.
    static PolarV bytes(Ints x) {
        const Bytes narrow = __builtin_convertvector(x, Bytes);
        return Paths::repeat(reinterpret_cast<const int8_t*>(&narrow));
    }

    void repetition(int level, int first) {
        const int8_t* in = p.llr(level);
        const Ints zeros = zero_cost(level), ones = sum(1 << level, [&](int i) {
            return polar_most(Lanes8::load_aligned(in + i), PolarV{});
        });
        const Ints better = ones < zeros, mine = Paths::load(p.cost);
        Ints bit = better;
        Paths::store(p.cost, mine + (better ? ones : zeros));
        Ints source, turned;
        if (p.choose(mine + (better ? zeros : ones), &source, &turned)) {
            bit = __builtin_shuffle(bit, source) ^ turned;
            p.part(source);
        }
        polar_fill(p.beta + first * W, W << level, bytes(bit));
    }

    void parity_bit(int at) {
        const int y = at % 5;
        const Ints bit = -((Paths::load(p.parity) >> y) & 1);
        const int8_t* in = p.llr(0);
        alignas(64) int32_t llr[W];
        for (int l = 0; l < W; ++l) llr[l] = in[l];
        const Ints a = Paths::load(llr), magnitude = a < 0 ? -a : a;
        Paths::store(p.cost, Paths::load(p.cost) + (((a < 0) ^ bit) & magnitude));
        polar_fill(p.beta + at * W, W, bytes(bit));
    }

    // For each bit its magnitude, above its number, as a key.
    void make_keys(const int8_t* in, int n) {
        const int total = n * W;
        PolarWide number;
        for (int i = 0; i < polar_width / 2; ++i) number[i] = uint16_t(2 * i / W);
        const PolarWide dead = total < polar_width ? ~(PolarWide)polar_below(total) : PolarWide{};
        for (int i = 0; i < total; i += polar_width, number += uint16_t(polar_width / W)) {
            const PolarWide x = (PolarWide)Lanes8::abs(Lanes8::load_aligned(in + i));
            *reinterpret_cast<PolarWide*>(even_keys + i / 2) = (x << 8 | number) | dead;
            *reinterpret_cast<PolarWide*>(odd_keys + i / 2) = ((x & 0xff00) | number) | dead;
        }
    }

    // The least key of each path, that of `last` taken away before.
    struct Least {
        Half even, odd;
    };

    Least next_key(int n, const Least* last) {
        PolarWide least_even = ~PolarWide{}, least_odd = ~PolarWide{}, last_even{}, last_odd{};
        if (last) {
            last_even = (PolarWide)Paths16(last->even);
            last_odd = (PolarWide)Paths16(last->odd);
        }
        for (int i = 0; i < n * W / 2; i += polar_width / 2) {
            auto& even = *reinterpret_cast<PolarWide*>(even_keys + i);
            auto& odd = *reinterpret_cast<PolarWide*>(odd_keys + i);
            if (last) {
                even |= (PolarWide)(even == last_even);
                odd |= (PolarWide)(odd == last_odd);
            }
            least_even = polar_least_wide(least_even, even);
            least_odd = polar_least_wide(least_odd, odd);
        }
        const auto least = [](auto a, auto b) { return a < b ? a : b; };
        return {(Half)polar_fold<W>(least_even, least), (Half)polar_fold<W>(least_odd, least)};
    }

    static PolarV Paths16(Half x) { return Paths::repeat(reinterpret_cast<const int8_t*>(&x)); }

    // Sum of the decisions, 0 or -1 of each path.
    static Ints hard_sum(const int8_t* in, int n) {
        const int total = n * W;
        PolarV sum{};
        for (int i = 0; i < total; i += polar_width) sum ^= Lanes8::load_aligned(in + i);
        if (total < polar_width) sum &= polar_below(total);
        const Bytes folded = polar_fold<W>(sum, [](auto a, auto b) { return a ^ b; });
        return __builtin_convertvector(folded, Ints) >> 31;
    }

    // A node whose bits are decided one by one, least certain first: as the LLR says, or turned. Where `even`, their sum
    // is 0, and the least certain bit sees to that. Of L paths none has a bit turned beyond the L - 1 least certain
    // (beside that one): for each of these, a path that has it turned instead, or not both, costs no more.
    void decide(int level, int first, bool even) {
        const int n = 1 << level, last = std::min(p.keep - 1, even ? n - 1 : n);
        const int8_t* in = p.llr(level);
        alignas(64) int32_t number[polar_max_list][W], origin[W], turns[W], odd_out[W];
        Ints source = Paths::numbers(), turned{}, odd{}, least{}, step_source, step_turned;
        make_keys(in, n);
        Least key = next_key(n, nullptr);
        int rounds = 0;
        bool moved = false;
        if (even) {
            const Ints k = join(key.even, key.odd);
            Paths::store(number[polar_max_list - 1], k & 255);
            least = k >> 8;
            odd = hard_sum(in, n);
            Paths::store(p.cost, Paths::load(p.cost) + (odd & least));
        }
        for (; rounds < last; ++rounds) {
            if (even || rounds) key = next_key(n, &key);
            const Ints k = join(key.even, key.odd);
            Paths::store(number[rounds], k & 255);
            Ints more = k >> 8;
            if (even) more += least;
            more = __builtin_shuffle(more, source);
            if (even) more -= 2 * (odd & __builtin_shuffle(least, source));
            if (!p.choose(Paths::load(p.cost) + more, &step_source, &step_turned)) break;  // later bits cost more
            moved = true;
            source = __builtin_shuffle(source, step_source);
            turned = __builtin_shuffle(turned, step_source) | (step_turned & (1 << rounds));
            if (even) odd = __builtin_shuffle(odd, step_source) ^ step_turned;
        }
        write(in, n, first, moved, source);
        if (moved) p.part(source);
        if (!moved && !even) return;
        Paths::store(origin, source);
        Paths::store(turns, turned);
        Paths::store(odd_out, odd);
        for (int l = 0; l < W; ++l) {
            int8_t* bits = p.beta + first * W + l;
            for (uint32_t t = turns[l]; t; t &= t - 1) flip(bits, number[__builtin_ctz(t)][origin[l]]);
            if (odd_out[l]) flip(bits, number[polar_max_list - 1][origin[l]]);
        }
    }

    static void flip(int8_t* bits, int i) { bits[i * W] = ~bits[i * W]; }

    // Decisions bit by bit, each path those of where it comes from.
    void write(const int8_t* in, int n, int first, bool moved, Ints source) {
        const Bytes narrow = __builtin_convertvector(source, Bytes);
        const PolarV index = Paths::mover(reinterpret_cast<const int8_t*>(&narrow));
        int8_t* bits = p.beta + first * W;
        for (int i = 0; i < n * W; i += polar_width) {
            const PolarV hard = Lanes8::load_aligned(in + i) < 0;
            Lanes8::store(bits + i, moved ? Paths::move(hard, index) : hard);
        }
    }
};

}  // namespace picocell::PICOCELL_NS
