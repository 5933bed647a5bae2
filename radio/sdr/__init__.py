"""Software-defined radios: devices with timed samples, through SoapySDR or UHD."""
