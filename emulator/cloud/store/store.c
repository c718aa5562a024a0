#include "cloud/store/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cloud/jobs/record.h"
#include "cloud/registry/registry.h"

enum {
    SCHEMA_VERSION = 1,
    APPLICATION = 0x56504331, /* "VPC1": PRAGMA application_id, so that file(1) and we know it */
};

static const char schema[] =
    "CREATE TABLE account (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " salt BLOB NOT NULL, password BLOB NOT NULL);"
    "CREATE TABLE token (hash BLOB PRIMARY KEY, account INTEGER NOT NULL REFERENCES account,"
    " client TEXT NOT NULL, expires INTEGER NOT NULL);"
    "CREATE TABLE product (id INTEGER PRIMARY KEY, slug TEXT NOT NULL, name TEXT NOT NULL,"
    " platform INTEGER NOT NULL, account INTEGER NOT NULL REFERENCES account);"
    "CREATE TABLE device (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " platform INTEGER NOT NULL, account INTEGER REFERENCES account,"
    " product INTEGER REFERENCES product, name TEXT NOT NULL, last_heard INTEGER NOT NULL,"
    " app_hash TEXT NOT NULL);"
    "CREATE TABLE job (id INTEGER PRIMARY KEY, device TEXT NOT NULL REFERENCES device (id),"
    " file TEXT NOT NULL, size INTEGER NOT NULL, healer INTEGER NOT NULL, state INTEGER NOT NULL,"
    " why TEXT NOT NULL);";

/* What is done to the database. The order is that of `statements`. */
enum statement {
    ADD_ACCOUNT,
    LOAD_ACCOUNTS,
    PUT_TOKEN,
    REMOVE_TOKEN,
    REMOVE_TOKENS_OF,
    LOAD_TOKENS,
    PUT_PRODUCT,
    LOAD_PRODUCTS,
    PUT_DEVICE,
    LOAD_DEVICES,
    PUT_JOB,
    REMOVE_JOB,
    LOAD_JOBS,
    STATEMENTS
};

static const char *const statements[] = {
    [ADD_ACCOUNT] = "INSERT INTO account (name, salt, password) VALUES (?1, ?2, ?3)",
    [LOAD_ACCOUNTS] = "SELECT number, name, salt, password FROM account ORDER BY number",
    [PUT_TOKEN] = "INSERT INTO token (hash, account, client, expires) VALUES (?1, ?2, ?3, ?4)"
                  " ON CONFLICT (hash) DO UPDATE SET account = ?2, client = ?3, expires = ?4",
    [REMOVE_TOKEN] = "DELETE FROM token WHERE hash = ?1",
    [REMOVE_TOKENS_OF] = "DELETE FROM token WHERE account = ?1",
    [LOAD_TOKENS] = "SELECT hash, account, client, expires FROM token ORDER BY rowid",
    [PUT_PRODUCT] = "INSERT INTO product (id, slug, name, platform, account)"
                    " VALUES (?1, ?2, ?3, ?4, ?5)"
                    " ON CONFLICT (id) DO UPDATE SET slug = ?2, name = ?3, platform = ?4,"
                    " account = ?5",
    [LOAD_PRODUCTS] = "SELECT id, slug, name, platform, account FROM product ORDER BY id",
    [PUT_DEVICE] = "INSERT INTO device (id, platform, account, product, name, last_heard,"
                   " app_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                   " ON CONFLICT (id) DO UPDATE SET platform = ?2, account = ?3, product = ?4,"
                   " name = ?5, last_heard = ?6, app_hash = ?7",
    [LOAD_DEVICES] = "SELECT id, platform, account, product, name, last_heard, app_hash FROM device"
                     " ORDER BY number",
    [PUT_JOB] = "INSERT INTO job (id, device, file, size, healer, state, why)"
                " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                " ON CONFLICT (id) DO UPDATE SET state = ?6, why = ?7",
    [REMOVE_JOB] = "DELETE FROM job WHERE id = ?1",
    [LOAD_JOBS] = "SELECT id, device, file, size, healer, state, why FROM job ORDER BY id",
};

struct cloud_store {
    sqlite3 *database;
    sqlite3_stmt *prepared[STATEMENTS];
};

const char *store_error(const struct cloud_store *store)
{
    return sqlite3_errmsg(store->database);
}

/* ---- Opening ------------------------------------------------------------------------------ */

static int make_folder(const char *folder, struct vp_failure *failure)
{
    struct stat status;
    if (mkdir(folder, 0700) && errno != EEXIST) {
        return vp_fail(failure, VP_ERROR_IO, "state folder %s: cannot make it: %s", folder,
                       strerror(errno));
    }
    if (stat(folder, &status) || !S_ISDIR(status.st_mode)) {
        return vp_fail(failure, VP_ERROR_INVALID, "state folder %s: is not a folder", folder);
    }
    return 0;
}

static int open_database(struct cloud_store *store, const char *folder, struct vp_failure *failure)
{
    char *path = NULL;
    if (folder) {
        const int error = make_folder(folder, failure);
        if (error) {
            return error;
        }
        if (asprintf(&path, "%s/cloud.db", folder) < 0) {
            return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
        }
    }
    const int result = sqlite3_open(path ? path : ":memory:", &store->database);
    free(path);
    return result == SQLITE_OK ? 0
                               : vp_fail(failure, VP_ERROR_IO, "state folder %s: %s",
                                         folder ? folder : "(in memory)",
                                         store->database ? store_error(store) : "out of memory");
}

static int run(struct cloud_store *store, const char *sql)
{
    return sqlite3_exec(store->database, sql, NULL, NULL, NULL);
}

static int number_of(struct cloud_store *store, const char *pragma)
{
    sqlite3_stmt *statement;
    int number = -1;
    if (sqlite3_prepare_v2(store->database, pragma, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        number = sqlite3_column_int(statement, 0);
    }
    sqlite3_finalize(statement);
    return number;
}

/* Who opens it has it alone until the end: the lock is the database's own. A killed process loses
 * nothing that was written to the log (WAL); that it is forced to the disk each time would only
 * save it from a power cut, and would cost a fleet a minute. */
static int lock_database(struct cloud_store *store, const char *folder, struct vp_failure *failure)
{
    const int result = run(
        store, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
               " PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; BEGIN IMMEDIATE; COMMIT;");
    if (result == SQLITE_BUSY) {
        return vp_fail(failure, VP_ERROR_BUSY,
                       "state folder %s: another cloud is using it; stop that, or name another",
                       folder);
    }
    if (result == SQLITE_NOTADB) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "state folder %s: cloud.db in it is no database of a cloud; name another "
                       "folder",
                       folder);
    }
    return result == SQLITE_OK
               ? 0
               : vp_fail(failure, VP_ERROR_IO, "state folder %s: %s", folder, store_error(store));
}

static int make_tables(struct cloud_store *store, const char *folder, struct vp_failure *failure)
{
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
             APPLICATION, SCHEMA_VERSION);
    return run(store, "BEGIN") || run(store, schema) || run(store, mark)
               ? vp_fail(failure, VP_ERROR_IO, "state folder %s: %s", folder, store_error(store))
               : 0;
}

static int check_tables(struct cloud_store *store, const char *folder, struct vp_failure *failure)
{
    const int application = number_of(store, "PRAGMA application_id");
    const int version = number_of(store, "PRAGMA user_version");
    const int tables = number_of(store, "SELECT count(*) FROM sqlite_schema");
    if (application == 0 && version == 0 && tables == 0) {
        return make_tables(store, folder, failure);
    }
    if (application != APPLICATION) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "state folder %s: cloud.db in it belongs to another program; name another "
                       "folder",
                       folder);
    }
    return version == SCHEMA_VERSION
               ? 0
               : vp_fail(failure, VP_ERROR_INVALID,
                         "state folder %s: was written by another version of vparticle (%d, and "
                         "this one knows %d); use that, or name another folder",
                         folder, version, SCHEMA_VERSION);
}

static int prepare(struct cloud_store *store, const char *folder, struct vp_failure *failure)
{
    for (unsigned i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v3(store->database, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &store->prepared[i], NULL) != SQLITE_OK) {
            return vp_fail(failure, VP_ERROR_INVALID, "state folder %s: %s", folder,
                           store_error(store));
        }
    }
    return 0;
}

int store_open(struct cloud_store **store, const char *folder, struct vp_failure *failure)
{
    const char *name = folder ? folder : "(in memory)";
    struct cloud_store *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    int error = open_database(made, folder, failure);
    if (!error) {
        error = lock_database(made, name, failure);
    }
    if (!error) {
        error = check_tables(made, name, failure);
    }
    if (!error) {
        error = prepare(made, name, failure);
    }
    if (error) {
        store_close(made);
        return error;
    }
    *store = made;
    return 0;
}

void store_close(struct cloud_store *store)
{
    if (store) {
        for (unsigned i = 0; i < STATEMENTS; i++) {
            sqlite3_finalize(store->prepared[i]);
        }
        sqlite3_close(store->database);
        free(store);
    }
}

/* ---- Changes ------------------------------------------------------------------------------ */

static void put_text(sqlite3_stmt *statement, int column, const char *text)
{
    sqlite3_bind_text(statement, column, text, -1, SQLITE_STATIC);
}

static void put_bytes(sqlite3_stmt *statement, int column, const uint8_t *bytes, int count)
{
    sqlite3_bind_blob(statement, column, bytes, count, SQLITE_STATIC);
}

static void put_number(sqlite3_stmt *statement, int column, int64_t number)
{
    sqlite3_bind_int64(statement, column, number);
}

/* A reference to a row, or to none. */
static void put_reference(sqlite3_stmt *statement, int column, int64_t number)
{
    if (number) {
        sqlite3_bind_int64(statement, column, number);
    } else {
        sqlite3_bind_null(statement, column);
    }
}

static int carry_out(sqlite3_stmt *statement)
{
    const int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return result == SQLITE_DONE ? 0 : VP_ERROR_IO;
}

int store_add_account(struct cloud_store *store, struct store_account *row)
{
    sqlite3_stmt *statement = store->prepared[ADD_ACCOUNT];
    put_text(statement, 1, row->name);
    put_bytes(statement, 2, row->salt, sizeof row->salt);
    put_bytes(statement, 3, row->password, sizeof row->password);
    const int error = carry_out(statement);
    row->number = sqlite3_last_insert_rowid(store->database);
    return error;
}

int store_put_token(struct cloud_store *store, const struct store_token *row)
{
    sqlite3_stmt *statement = store->prepared[PUT_TOKEN];
    put_bytes(statement, 1, row->hash, sizeof row->hash);
    put_number(statement, 2, row->account);
    put_text(statement, 3, row->client);
    put_number(statement, 4, (int64_t)row->expires);
    return carry_out(statement);
}

int store_remove_token(struct cloud_store *store, const uint8_t hash[CLOUD_HASH_SIZE])
{
    put_bytes(store->prepared[REMOVE_TOKEN], 1, hash, CLOUD_HASH_SIZE);
    return carry_out(store->prepared[REMOVE_TOKEN]);
}

int store_remove_tokens_of(struct cloud_store *store, int64_t account)
{
    put_number(store->prepared[REMOVE_TOKENS_OF], 1, account);
    return carry_out(store->prepared[REMOVE_TOKENS_OF]);
}

int store_put_product(struct cloud_store *store, const struct store_product *row)
{
    sqlite3_stmt *statement = store->prepared[PUT_PRODUCT];
    put_number(statement, 1, row->id);
    put_text(statement, 2, row->slug);
    put_text(statement, 3, row->name);
    put_number(statement, 4, row->platform);
    put_number(statement, 5, row->account);
    return carry_out(statement);
}

int store_put_device(struct cloud_store *store, const struct store_device *row)
{
    sqlite3_stmt *statement = store->prepared[PUT_DEVICE];
    put_text(statement, 1, row->id);
    put_number(statement, 2, row->platform);
    put_reference(statement, 3, row->account);
    put_reference(statement, 4, row->product);
    put_text(statement, 5, row->name);
    put_number(statement, 6, (int64_t)row->last_heard);
    put_text(statement, 7, row->app_hash);
    return carry_out(statement);
}

int store_put_job(struct cloud_store *store, const struct store_job *row)
{
    sqlite3_stmt *statement = store->prepared[PUT_JOB];
    put_number(statement, 1, row->id);
    put_text(statement, 2, row->device);
    put_text(statement, 3, row->file_name);
    put_number(statement, 4, row->size);
    put_number(statement, 5, row->by_healer);
    put_number(statement, 6, row->state);
    put_text(statement, 7, row->why);
    return carry_out(statement);
}

int store_remove_job(struct cloud_store *store, unsigned id)
{
    put_number(store->prepared[REMOVE_JOB], 1, id);
    return carry_out(store->prepared[REMOVE_JOB]);
}

/* ---- Loading ------------------------------------------------------------------------------ */

static const char *text_of(sqlite3_stmt *row, int column)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

/* @return false if it has another size: nothing that we wrote */
static bool bytes_of(sqlite3_stmt *row, int column, uint8_t *bytes, int count)
{
    const void *blob = sqlite3_column_blob(row, column);
    if (!blob || sqlite3_column_bytes(row, column) != count) {
        return false;
    }
    memcpy(bytes, blob, (size_t)count);
    return true;
}

static int load_account(struct vp_cloud *cloud, sqlite3_stmt *row)
{
    struct store_account account = {.number = sqlite3_column_int64(row, 0),
                                    .name = text_of(row, 1)};
    return bytes_of(row, 2, account.salt, sizeof account.salt) &&
                   bytes_of(row, 3, account.password, sizeof account.password)
               ? cloud_load_account(cloud, &account)
               : VP_ERROR_INVALID;
}

static int load_token(struct vp_cloud *cloud, sqlite3_stmt *row)
{
    struct store_token token = {.account = sqlite3_column_int64(row, 1),
                                .client = text_of(row, 2),
                                .expires = (uint64_t)sqlite3_column_int64(row, 3)};
    return bytes_of(row, 0, token.hash, sizeof token.hash) ? cloud_load_token(cloud, &token)
                                                           : VP_ERROR_INVALID;
}

static int load_product(struct vp_cloud *cloud, sqlite3_stmt *row)
{
    const struct store_product product = {.id = (unsigned)sqlite3_column_int(row, 0),
                                          .slug = text_of(row, 1),
                                          .name = text_of(row, 2),
                                          .platform = (unsigned)sqlite3_column_int(row, 3),
                                          .account = sqlite3_column_int64(row, 4)};
    return cloud_load_product(cloud, &product);
}

static int load_device(struct vp_cloud *cloud, sqlite3_stmt *row)
{
    const struct store_device device = {.id = text_of(row, 0),
                                        .platform = (unsigned)sqlite3_column_int(row, 1),
                                        .account = sqlite3_column_int64(row, 2),
                                        .product = (unsigned)sqlite3_column_int(row, 3),
                                        .name = text_of(row, 4),
                                        .last_heard = (uint64_t)sqlite3_column_int64(row, 5),
                                        .app_hash = text_of(row, 6)};
    return cloud_load_device(cloud, &device);
}

static int load_job(struct vp_cloud *cloud, sqlite3_stmt *row)
{
    const struct store_job job = {.id = (unsigned)sqlite3_column_int64(row, 0),
                                  .device = text_of(row, 1),
                                  .file_name = text_of(row, 2),
                                  .size = (uint32_t)sqlite3_column_int64(row, 3),
                                  .by_healer = sqlite3_column_int(row, 4) != 0,
                                  .state = (unsigned)sqlite3_column_int(row, 5),
                                  .why = text_of(row, 6)};
    return cloud_load_job(cloud, &job);
}

static int load_rows(struct vp_cloud *cloud, sqlite3_stmt *statement,
                     int (*load)(struct vp_cloud *cloud, sqlite3_stmt *row))
{
    int error = 0;
    int result;
    while (!error && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        error = load(cloud, statement);
    }
    sqlite3_reset(statement);
    return error ? error : result == SQLITE_DONE ? 0 : VP_ERROR_IO;
}

int store_load(struct cloud_store *store, struct vp_cloud *cloud)
{
    /* Who is referred to comes first. */
    static const struct {
        enum statement statement;
        int (*load)(struct vp_cloud *cloud, sqlite3_stmt *row);
    } tables[] = {
        {LOAD_ACCOUNTS, load_account}, {LOAD_PRODUCTS, load_product}, {LOAD_DEVICES, load_device},
        {LOAD_TOKENS, load_token},     {LOAD_JOBS, load_job},
    };
    int error = 0;
    for (unsigned i = 0; i < sizeof tables / sizeof *tables && !error; i++) {
        error = load_rows(cloud, store->prepared[tables[i].statement], tables[i].load);
    }
    return error;
}
