// Body of the LDPC kernel, compiled once per instruction set.
#pragma once
#include "ldpc.hpp"
#include "crc_body.hpp"
#include "ldpc_lanes.hpp"
#include "ldpc_encode.hpp"
#include "ldpc_match.hpp"
#include "ldpc_plan.hpp"
#include "ldpc_layer.hpp"
#include "ldpc_mix.hpp"
#include "ldpc_load.hpp"
#include "ldpc_decode.hpp"

namespace picocell::PICOCELL_NS {

inline const LdpcOps& ldpc_make_ops() {
    static const LdpcOps ops{ldpc_encode,       ldpc_match,  ldpc_recover, ldpc_decoder_new,
                             ldpc_decoder_free, ldpc_decode, ldpc_batch};
    return ops;
}

}  // namespace picocell::PICOCELL_NS
