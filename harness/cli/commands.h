/**
 * @file commands.h
 * The sub-commands of `vparticle`, a file each. argv[0] is the sub-command's name; the
 * value returned is the exit status of the process.
 *
 * Exit statuses: 0 done; 1 a check failed; 2 the command line or an input file is wrong;
 * 3 the operating system refused; 4 a guest cannot be had here. `exec` and `guest run` give the
 * tool's own.
 */
#ifndef VP_CLI_COMMANDS_H
#define VP_CLI_COMMANDS_H

enum {
    VP_EXIT_OK = 0,
    VP_EXIT_FAILED = 1,
    VP_EXIT_USAGE = 2,
    VP_EXIT_SYSTEM = 3,
    VP_EXIT_MISSING = 4
};

int vp_command_clone(int argc, char **argv);
int vp_command_cloud(int argc, char **argv);
int vp_command_ctl(int argc, char **argv);
int vp_command_diagnose(int argc, char **argv);
int vp_command_doctor(int argc, char **argv);
int vp_command_exec(int argc, char **argv);
int vp_command_forge(int argc, char **argv);
int vp_command_guest(int argc, char **argv);
int vp_command_guest_agent(int argc, char **argv); /**< hidden: in a guest, its first process */
int vp_command_inspect(int argc, char **argv);
int vp_command_test(int argc, char **argv);
int vp_command_run(int argc, char **argv);

#endif
