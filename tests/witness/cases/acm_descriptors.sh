# device: acm
heading "$PROBES/acm_probe" control descriptors
heading tell log
