#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "conv_body.hpp"

namespace picocell {
const ConvOps& conv_ops_avx2() {
    static const ConvOps ops{avx2::conv_encode, avx2::conv_rate_match, avx2::conv_rate_recover, avx2::conv_decode,
                             avx2::conv_search, avx2::conv_halves};
    return ops;
}
}  // namespace picocell
#endif
