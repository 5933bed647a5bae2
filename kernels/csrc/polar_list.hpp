// Successive cancellation of a list of paths: lanes are bits and paths.
#pragma once

namespace picocell::PICOCELL_NS {

template <int W>
struct PolarList {
    PolarPaths<W> paths;
    PolarNodes<W> nodes{paths, {}, {}};

    void left(int level) {
        const int half = W << level;
        const int8_t* in = paths.llr(level + 1);
        int8_t* out = paths.llr(level);
        for (int i = 0; i < half; i += polar_width)
            Lanes8::store_aligned(out + i, polar_f(Lanes8::load_aligned(in + i), Lanes8::load(in + half + i)));
        paths.settle(paths.from_alpha, &paths.moved_alpha, level);
    }

    template <bool Moved>
    void right_of(int level, int first, bool zero) {
        const int half = W << level;
        const int8_t *in = paths.llr(level + 1), *bits = paths.beta + first * W - half;
        int8_t* out = paths.llr(level);
        const PolarV index = paths.mover(paths.from_alpha + (level + 1) * W);
        for (int i = 0; i < half; i += polar_width) {
            PolarV a = Lanes8::load_aligned(in + i), b = Lanes8::load(in + half + i);
            if constexpr (Moved) a = paths.move(a, index), b = paths.move(b, index);
            Lanes8::store_aligned(out + i, zero ? Lanes8::adds(a, b) : polar_g(a, b, Lanes8::load(bits + i)));
        }
    }

    void right(int level, int first, bool zero) {
        if (paths.moved_alpha >> (level + 1) & 1)
            right_of<true>(level, first, zero);
        else
            right_of<false>(level, first, zero);
        paths.settle(paths.from_alpha, &paths.moved_alpha, level);
        paths.settle(paths.from_beta, &paths.moved_beta, level);
    }

    // The same from a parent whose LLRs are those of one path.
    void right_waking(PolarSingle& s, int level, int first) {
        const int half = 1 << level;
        const int8_t *in = s.llr(level + 1), *bits = paths.beta + (first - half) * W;
        int8_t* out = paths.llr(level);
        for (int i = 0; i < half * W; i += polar_width) {
            const PolarV a = spread(in + i / W), b = spread(in + half + i / W);
            Lanes8::store_aligned(out + i, polar_g(a, b, Lanes8::load(bits + i)));
        }
        paths.settle(paths.from_alpha, &paths.moved_alpha, level);
        paths.settle(paths.from_beta, &paths.moved_beta, level);
    }

    // A register of LLRs of one path as those of all.
    static PolarV spread(const int8_t* in) {
        PolarV x;
        constexpr int n = polar_width / W;
#if PICOCELL_ISA_LEVEL >= 1
        typedef std::conditional_t<n == 8, uint64_t, std::conditional_t<n == 4, uint32_t, uint16_t>> Word;
        typedef Word Words __attribute__((vector_size(polar_width), may_alias));
        Word word;
        std::memcpy(&word, in, n);
        PolarV index;
        for (int i = 0; i < polar_width; ++i) index[i] = int8_t(i / W);
        x = PolarPaths<W>::move((PolarV)(Words{} + word), index);
#else
        for (int i = 0; i < n; ++i) std::memset(reinterpret_cast<int8_t*>(&x) + i * W, in[i], W);
#endif
        return x;
    }

    void wake(PolarSingle& s, int level) {
        const int8_t* in = s.llr(level);
        int8_t* out = paths.llr(level);
        for (int i = 0; i < W << level; i += polar_width) Lanes8::store_aligned(out + i, spread(in + i / W));
        paths.settle(paths.from_alpha, &paths.moved_alpha, level);
    }

    void combine(int level, int first, bool zero) {
        if (!zero && (paths.moved_beta >> (level - 1) & 1)) {
            const PolarV index = paths.mover(paths.from_beta + (level - 1) * W);
            const int half = W << level >> 1;
            int8_t *a = paths.beta + first * W, *b = a + half;
            for (int i = 0; i < half; i += polar_width) {
                const PolarV right = Lanes8::load(b + i);
                Lanes8::store(a + i, right ^ paths.move(Lanes8::load(a + i), index));
                if (half < polar_width) Lanes8::store(b + i, right);
            }
            return;
        }
        polar_combine_bits<W>(paths.beta, level, first, zero);
    }

    // Adds the information bits of a node to the sums that parity bits are made of.
    void follow(const PolarCode& code, int level, int at) {
        const int n = 1 << level;
        typename PolarPaths<W>::Ints y = PolarPaths<W>::load(paths.parity);
        for (int i = at; i < at + n; ++i) {
            if (code.bit[i] != polar_info) continue;
            for (int l = 0; l < W; ++l) {
                int bit = 0;  // u_i: the sum of the bits whose number has all of i's
                for (int j = i; j < at + n; ++j) bit ^= ((j - at) & (i - at)) == i - at ? paths.beta[j * W + l] & 1 : 0;
                y[l] ^= bit << i % 5;
            }
        }
        PolarPaths<W>::store(paths.parity, y);
    }

    void node(const PolarCode& code, PolarSingle& s, const PolarAction& a) {
        if (a.wakes) wake(s, a.level);
        if (a.step == polar_node_parity) return nodes.parity_bit(a.at);
        if (a.step == polar_node_repeat)
            nodes.repetition(a.level, a.at);
        else
            nodes.decide(a.level, a.at, a.step == polar_node_even);
        if (code.n_pc) follow(code, a.level, a.at);
    }

    void step(const PolarCode& code, PolarSingle& s, const PolarAction& a) {
        switch (a.step) {
            case polar_left: return left(a.level);
            case polar_left_cost: return nodes.left_cost(a.level);
            case polar_right:
                if (a.wakes) return right_waking(s, a.level, a.at);
                return right(a.level, a.at, false);
            case polar_right_zero: return right(a.level, a.at, true);
            case polar_combine: return combine(a.level, a.at, false);
            case polar_combine_zero: return combine(a.level, a.at, true);
            case polar_node_zero: return nodes.zero(a.level, a.at);
            case polar_node_repeat:
            case polar_node_even:
            case polar_node_free:
            case polar_node_parity: return node(code, s, a);
        }
    }

    void run(const PolarCode& code, PolarSingle& s, const PolarPlan& plan, int list) {
        paths.start(list);
        for (int i = 0; i < plan.actions; ++i) {
            const PolarAction& a = plan.action[i];
            if (a.alone && !a.wakes)
                polar_single_step(s, a);
            else
                step(code, s, a);
        }
    }
};

}  // namespace picocell::PICOCELL_NS
