#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "control_body.hpp"

namespace picocell {
const ControlOps& control_ops_avx512() {
    static const ControlOps ops{avx512::control_cfi, avx512::control_pdcch, avx512::control_phich};
    return ops;
}
}  // namespace picocell
#endif
