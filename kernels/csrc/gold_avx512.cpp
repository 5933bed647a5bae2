#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "gold_body.hpp"

namespace picocell {
const GoldOps& gold_ops_avx512() {
    static const GoldOps ops{avx512::gold_packed, avx512::gold_bits};
    return ops;
}
}  // namespace picocell
#endif
