# FROM, a file, becomes TO, a C source that has its bytes (image/init.h).
file(READ ${FROM} digits HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${digits}")
string(REGEX REPLACE "(................................................................................)"
       "\\1\n" bytes "${bytes}")
file(WRITE ${TO} "#include \"host/guest/image/init.h\"\n
const unsigned char guest_init_script[] = {\n${bytes}\n};
const size_t guest_init_script_size = sizeof guest_init_script;\n")
