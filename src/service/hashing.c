/* See hashing.h. A ring: [taken, worked) has results, [worked, put) waits; the thread owns the one at `worked`. */
#include "service/hashing.h"

#include <pthread.h>
#include <string.h>

struct hashing {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    bool stopping;
    size_t put, worked, taken; /* counts */
    struct hashing_work ring[HASHING_QUEUE];
    void (*wake)(void *ctx);
    void *ctx;
};

static void work(struct hashing_work *w)
{
    w->result = w->verifier[0] ? password_verify(w->verifier, bytes_of(w->now, w->now_n)) : DONE;
    if (ok(w->result) && !w->real && w->verifier[0]) w->result = REFUSE(E_CRYPTO);
    if (ok(w->result) && w->kind == HASHING_CHANGE) w->result = password_make(bytes_of(w->next, w->next_n), w->salt, w->made);
    explicit_bzero(w->now, sizeof w->now);
    explicit_bzero(w->next, sizeof w->next);
    explicit_bzero(w->verifier, sizeof w->verifier);
}

static void *thread_main(void *ctx)
{
    struct hashing *h = ctx;
    pthread_mutex_lock(&h->lock);
    for (;;) {
        while (h->worked == h->put && !h->stopping) pthread_cond_wait(&h->more, &h->lock);
        if (h->stopping) break;
        struct hashing_work *w = &h->ring[h->worked % HASHING_QUEUE];
        pthread_mutex_unlock(&h->lock);
        work(w);
        pthread_mutex_lock(&h->lock);
        h->worked++;
        h->wake(h->ctx);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

outcome hashing_new(void (*wake)(void *ctx), void *ctx, struct hashing **ret)
{
    struct hashing *h = mem_new(sizeof *h);
    if (!h) return REFUSE(E_MEMORY);
    h->wake = wake;
    h->ctx = ctx;
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->more, NULL);
    int code = pthread_create(&h->thread, NULL, thread_main, h);
    if (code) {
        mem_free(h);
        return REFUSE_SYS(E_MEMORY, code);
    }
    *ret = h;
    return DONE;
}

void hashing_free(struct hashing *h)
{
    if (!h) return;
    pthread_mutex_lock(&h->lock);
    h->stopping = true;
    pthread_cond_signal(&h->more);
    pthread_mutex_unlock(&h->lock);
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->more);
    pthread_mutex_destroy(&h->lock);
    explicit_bzero(h->ring, sizeof h->ring);
    mem_free(h);
}

outcome hashing_put(struct hashing *h, const struct hashing_work *w)
{
    outcome o = DONE;
    pthread_mutex_lock(&h->lock);
    if (h->put - h->taken == HASHING_QUEUE) o = REFUSE(E_FULL);
    else h->ring[h->put++ % HASHING_QUEUE] = *w;
    pthread_cond_signal(&h->more);
    pthread_mutex_unlock(&h->lock);
    return o;
}

outcome hashing_take(struct hashing *h, struct hashing_work *ret)
{
    outcome o = DONE;
    pthread_mutex_lock(&h->lock);
    if (h->taken == h->worked) o = REFUSE(E_AGAIN);
    else *ret = h->ring[h->taken++ % HASHING_QUEUE];
    pthread_mutex_unlock(&h->lock);
    return o;
}

/* `link` and `gone` are the loop's own members: the thread never looks at them. */
bool hashing_owes(struct hashing *h, uint32_t link)
{
    bool owed = false;
    pthread_mutex_lock(&h->lock);
    for (size_t i = h->taken; i < h->put; i++)
        owed = owed || (h->ring[i % HASHING_QUEUE].link == link && !h->ring[i % HASHING_QUEUE].gone);
    pthread_mutex_unlock(&h->lock);
    return owed;
}

void hashing_forget(struct hashing *h, uint32_t link)
{
    pthread_mutex_lock(&h->lock);
    for (size_t i = h->taken; i < h->put; i++)
        if (h->ring[i % HASHING_QUEUE].link == link) h->ring[i % HASHING_QUEUE].gone = true;
    pthread_mutex_unlock(&h->lock);
}
