#include "host/guest/machine/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/error.h"

/*
 * As measured: without KVM an uncompressed kernel starts in a third of the time; checks that
 * protect against other users of the same machine cost time for nothing. The TSC of an emulated
 * processor runs at a speed that the kernel measures wrongly while the host is busy: the ACPI timer
 * is exact.
 */
static const char kernel_command_line[] =
    "console=ttyS0 quiet mitigations=off clocksource=acpi_pm tsc=unstable no_timer_check nokaslr "
    "audit=0 noreplace-smp cryptomgr.notests rodata=off nowatchdog panic=-1";

__attribute__((format(printf, 2, 3))) static void add(struct arguments *arguments,
                                                      const char *format, ...)
{
    char text[ARGUMENT_SIZE];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (arguments->count < ARGUMENTS_MAX) {
        arguments->list[arguments->count++] = strdup(text);
    }
}

static void add_words(struct arguments *arguments, const char *words)
{
    while (*words) {
        const size_t length = strcspn(words, " ");
        add(arguments, "%.*s", (int)length, words);
        words += length + (words[length] == ' ');
    }
}

/* QEMU wants a comma in a value doubled. */
static void double_commas(char *to, size_t size, const char *from)
{
    size_t used = 0;
    for (; *from && used + 3 < size; from++) {
        to[used++] = *from;
        if (*from == ',') {
            to[used++] = ',';
        }
    }
    to[used] = '\0';
}

static void add_files(struct arguments *arguments, const struct machine_options *options)
{
    char share[2 * 4096];
    double_commas(share, sizeof share, options->share);
    /* Files of other file systems below / may have the same inode numbers: remap. */
    add_words(arguments, "-fsdev local,id=root,path=/,security_model=none,readonly=on,"
                         "multidevs=remap -device virtio-9p-pci,fsdev=root,mount_tag=root");
    add_words(arguments, "-fsdev");
    add(arguments, "local,id=share,path=%s,security_model=none,multidevs=remap", share);
    add_words(arguments, "-device virtio-9p-pci,fsdev=share,mount_tag=share");
}

/* One processor: a second one costs more than it gives without KVM, on a busy machine half of the
 * speed, and vhci_hcd of Linux 6.1 has races that need two. */
int arguments_make(struct arguments *arguments, const struct machine_options *options)
{
    arguments->count = 0;
    add(arguments, "%s", options->program);
    add_words(arguments, "-M pc -cpu qemu64 -accel tcg,thread=single -smp 1 -m 512 -nodefaults "
                         "-no-user-config -display none -no-reboot "
                         "-chardev file,id=console,path=/dev/stderr,append=on "
                         "-serial chardev:console");
    add_files(arguments, options);
    add_words(arguments, "-device virtio-serial-pci,max_ports=2");
    add_words(arguments, "-chardev");
    add(arguments, "socket,id=port,fd=%d", options->port);
    add_words(arguments, "-device virtserialport,chardev=port,name=vparticle -chardev");
    add(arguments, "socket,id=monitor,fd=%d", options->monitor);
    add_words(arguments, "-mon chardev=monitor,mode=control");
    if (options->kernel) {
        add_words(arguments, "-kernel");
        add(arguments, "%s", options->kernel);
        add_words(arguments, "-initrd");
        add(arguments, "%s", options->initrd);
        add_words(arguments, "-append");
        add(arguments, "%s", kernel_command_line);
    } else {
        add_words(arguments, "-incoming defer");
    }
    arguments->list[arguments->count] = NULL;
    for (unsigned i = 0; i < arguments->count; i++) {
        if (!arguments->list[i]) {
            arguments_clear(arguments);
            return VP_ERROR_NO_MEMORY;
        }
    }
    return 0;
}

void arguments_clear(struct arguments *arguments)
{
    for (unsigned i = 0; i < arguments->count; i++) {
        free(arguments->list[i]);
    }
    arguments->count = 0;
}
