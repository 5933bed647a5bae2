// Decoding of blocks: LLRs in, the path whose checksum holds out.
#pragma once

namespace picocell::PICOCELL_NS {

struct PolarDecoder {
    PolarCode code;
    PolarPlan single_plan, list_plan;
    PolarSingle single;
    PolarList<8> eight;
    PolarList<16> sixteen;
    alignas(64) uint8_t words[2 * polar_max_n];
    uint8_t found[polar_max_n];
};

inline void* polar_decoder_new(const PolarCode* code) {
    void* raw = std::aligned_alloc(64, (sizeof(PolarDecoder) + 63) / 64 * 64);
    if (!raw) return nullptr;
    auto* d = new (raw) PolarDecoder;
    d->code = *code;
    PolarPlanner(*code, false, &d->single_plan);
    PolarPlanner(*code, true, &d->list_plan);
    return d;
}

inline void polar_decoder_free(void* decoder) { std::free(decoder); }

// Bits of one code word among those that share the bytes of `words`.
inline void polar_take(const PolarCode& code, const uint8_t* words, int stride, int lane, uint8_t* out) {
    const uint8_t* from = words + lane / 8;
    for (int i = 0; i < code.k; ++i) out[i] = from[code.place[i] * stride] >> (lane % 8) & 1;
}

inline bool polar_single_block(PolarDecoder* d, const PolarInput& in, uint8_t* bits) {
    const PolarCode& code = d->code;
    for (int i = 0; i < d->single_plan.actions; ++i) polar_single_step(d->single, d->single_plan.action[i]);
    std::memset(d->words, 0, PICOCELL_VECTOR_BYTES);
    std::memcpy(d->words, d->single.beta, code.n);
    polar_transform(d->words, code.n, 1);
    polar_take(code, d->words, 1, 0, bits);
    return in.crc < 0 || polar_remainder(code, in.crc, bits, code.k) == in.mask;
}

template <int W>
bool polar_list_block(PolarDecoder* d, PolarList<W>* list, const PolarInput& in, uint8_t* bits) {
    const PolarCode& code = d->code;
    constexpr int stride = W / 8;
    list->run(code, d->single, d->list_plan, in.list);
    std::memset(d->words, 0, PICOCELL_VECTOR_BYTES);
    for (int i = 0; i < code.n * W; i += polar_width)
        polar_top_bits(Lanes8::load_aligned(list->paths.beta + i), d->words + i / 8);
    polar_transform(d->words, code.n * stride, stride);
    bool best = true;
    for (int tries = 0; tries < in.list; ++tries) {
        int32_t* cost = list->paths.cost;
        const int lane = static_cast<int>(std::min_element(cost, cost + W) - cost);
        if (cost[lane] >= PolarPaths<W>::lost) break;
        cost[lane] = PolarPaths<W>::lost;
        polar_take(code, d->words, stride, lane, d->found);
        const bool right = in.crc < 0 || polar_remainder(code, in.crc, d->found, code.k) == in.mask;
        if (right || best) std::memcpy(bits, d->found, code.k);
        if (right) return true;
        best = false;
    }
    return false;
}

inline void polar_decode(void* decoder, const PolarInput* input, uint8_t* bits, uint8_t* ok) {
    auto* d = static_cast<PolarDecoder*>(decoder);
    const PolarCode& code = d->code;
    const size_t step = size_t(code.e) * (input->kind == polar_int8 ? 1 : input->kind == polar_int16 ? 2 : 4);
    for (int b = 0; b < input->blocks; ++b, bits += code.k) {
        const void* llr = static_cast<const char*>(input->llr) + b * step;
        const bool some = polar_load(code, input->kind, llr, d->single.llr(code.log_n));
        if (input->list == 1 && !code.n_pc)
            ok[b] = polar_single_block(d, *input, bits);
        else if (input->list <= 8)
            ok[b] = polar_list_block(d, &d->eight, *input, bits);
        else
            ok[b] = polar_list_block(d, &d->sixteen, *input, bits);
        ok[b] &= some;
    }
}

}  // namespace picocell::PICOCELL_NS
