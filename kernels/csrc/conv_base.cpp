#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "conv_body.hpp"

namespace picocell {
const ConvOps& conv_ops_base() {
    static const ConvOps ops{base::conv_encode, base::conv_rate_match, base::conv_rate_recover, base::conv_decode,
                             base::conv_search, base::conv_halves};
    return ops;
}
}  // namespace picocell
