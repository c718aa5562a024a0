/**
 * @file error.h
 * Error values of every public function, and the text that goes with a failure.
 *
 * A function that can fail returns 0 (or a useful value >= 0) on success and one of
 * enum vp_error, negative, on failure. A function that reads something a person wrote
 * (a SPEC, a scenario, a module file) also fills a struct vp_failure that says what is
 * wrong, where, and what to do about it.
 */
#ifndef VPARTICLE_ERROR_H
#define VPARTICLE_ERROR_H

enum vp_error {
    VP_ERROR_NO_MEMORY = -1, /**< allocation failed */
    VP_ERROR_INVALID = -2,   /**< an argument or input breaks the rules of its format */
    VP_ERROR_RANGE = -3,     /**< an address or length lies outside of the thing addressed */
    VP_ERROR_NOT_FOUND = -4, /**< no such release, module, device, file or pending transfer */
    VP_ERROR_FLASH = -5,     /**< the flash refused: its hook cut the operation, or bits stayed 0 */
    VP_ERROR_IO = -6,        /**< the operating system refused; errno was put into the text */
    VP_ERROR_BUSY = -7,      /**< in use by somebody else */
    VP_ERROR_UNSUPPORTED = -8, /**< known, and not possible here */
};

/** What went wrong, for a person: what, where, and what to do. */
struct vp_failure {
    char text[512]; /**< one line without a line end, always terminated */
};

/**
 * Short English text of an error value.
 * @param error  an enum vp_error, or 0
 * @return static text, never NULL; "unknown error" for any other value
 */
const char *vp_error_text(int error);

/**
 * Write a message into @p failure (which may be NULL) and return @p error, so that
 * `return vp_fail(failure, VP_ERROR_INVALID, "…", …)` is one statement.
 * Text beyond the buffer is cut.
 */
int vp_fail(struct vp_failure *failure, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
