#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "control_body.hpp"

namespace picocell {
const ControlOps& control_ops_avx2() {
    static const ControlOps ops{avx2::control_cfi, avx2::control_pdcch, avx2::control_phich};
    return ops;
}
}  // namespace picocell
#endif
