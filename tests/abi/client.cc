/* A client in C++, for tests/abi/clients: one request there and back. */
#include <ferry/ferry.h>

#include <cstdio>
#include <string>

static int
echo(ferry_call call, const void *data, size_t size, void *)
{
	return ferry_call_reply(call, FERRY_OK, data, size);
}

int
main()
{
	ferry_method m = ferry_method();
	ferry_library_options l = ferry_library_options();
	ferry_context_options c = ferry_context_options();
	ferry_context context;
	ferry_request request;
	ferry_reply reply;

	m.struct_size = sizeof m;
	m.name = "echo";
	m.handler = echo;
	l.struct_size = sizeof l;
	l.name = "client";
	l.methods = &m;
	l.n_methods = 1;
	c.struct_size = sizeof c;
	if (ferry_abi_check(FERRY_ABI) != FERRY_OK ||
	    ferry_library_open(&c.library, &l) != FERRY_OK ||
	    ferry_context_open(&context, &c) != FERRY_OK ||
	    ferry_request_invoke(&reply, &request, context, 0, "hello", 5,
	    NULL, -1) != FERRY_OK)
		return 1;
	std::string said(static_cast<char *>(reply.data), reply.size);
	std::printf("1 request: %s\n", said.c_str());
	ferry_block_release(reply.data);
	return said != "hello" || ferry_context_close(context, NULL, NULL);
}
