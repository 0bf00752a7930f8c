#include "cluster/ras/choose.h"

#include "base/check.h"

enum { LIST_BYTES = 300 }; /* of names in an error */

static void list_clusters(const struct ras_cluster *clusters, uint32_t count, struct buf *out)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_str(out, i ? ", '" : "'");
        text_printable(out, clusters[i].name);
        buf_format(out, "' %s", uuid_format(&clusters[i].uuid).text);
    }
}

static bool is_meant(const struct ras_cluster *cluster, const char *wanted)
{
    struct uuid uuid;
    if (!wanted || !*wanted)
        return true;
    if (uuid_read(text_of(wanted), &uuid, NULL) == ERR_OK)
        return uuid_equal(&uuid, &cluster->uuid);
    return text_valid(cluster->name) && text_same_name(cluster->name, text_of(wanted));
}

enum error_code ras_choose_cluster(const char *wanted, const struct ras_message *message,
                                   struct uuid *ret, struct error *err)
{
    CHECK(message->layout == &ras_cluster_layout);
    const struct ras_cluster *clusters = message->records;
    const struct ras_cluster *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < message->count; i++) {
        if (!is_meant(&clusters[i], wanted))
            continue;
        found = &clusters[i];
        count++;
    }
    if (count == 1) {
        *ret = found->uuid;
        return ERR_OK;
    }
    if (message->count == 0) /* its agent starts; nobody can tell yet what is missing */
        return error_set(err, ERR_UNAVAILABLE, "this RAS serves no cluster at all");
    AUTO_BUF served;
    buf_init(&served, LIST_BYTES);
    list_clusters(clusters, message->count, &served);
    bool named = wanted && *wanted;
    if (count > 1)
        return error_set(
            err, ERR_CONFIG, "this RAS serves several clusters %s%s%s: %s; name one by its UUID",
            named ? "named '" : "", named ? wanted : "", named ? "'" : "", buf_text(&served));
    return error_set(err, ERR_NOT_FOUND, "this RAS serves no cluster%s%s%s; it serves: %s",
                     named ? " '" : "", named ? wanted : "", named ? "'" : "", buf_text(&served));
}
