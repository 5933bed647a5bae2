"""What the network's nodes say to each other: codecs of S1AP, GTP-U and GTPv2-C."""
