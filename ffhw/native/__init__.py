"""The quantized network as one C file: straightforward loops, for a host's processor or a microcontroller's."""
