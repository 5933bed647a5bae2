#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "conv_body.hpp"

namespace picocell {
const ConvOps& conv_ops_avx512() {
    static const ConvOps ops{avx512::conv_encode, avx512::conv_rate_match, avx512::conv_rate_recover, avx512::conv_decode,
                             avx512::conv_search, avx512::conv_halves};
    return ops;
}
}  // namespace picocell
#endif
