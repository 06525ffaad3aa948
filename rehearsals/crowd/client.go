package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// idleMax bounds the connections that are kept; more are closed after their answer.
const idleMax = 4096

// clients has one client for each server, found by an address of it.
type clients struct {
	timeout time.Duration
	mutex   sync.Mutex
	known   map[string]*client
}

func newClients(timeout time.Duration) *clients {
	return &clients{timeout: timeout, known: map[string]*client{}}
}

func (c *clients) of(address string) (*client, error) {
	parsed, err := url.Parse(address)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
		return nil, fmt.Errorf("%s: no address of http:// or https://", address)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	server := parsed.Scheme + "://" + parsed.Host
	if c.known[server] == nil {
		c.known[server] = newClient(parsed, c.timeout)
	}
	return c.known[server], nil
}

// client is HTTP/1.1 over kept connections without the standard library's goroutines and header maps.
type client struct {
	address string
	host    string
	secure  bool
	timeout time.Duration
	open    atomic.Int64
	mutex   sync.Mutex
	idle    []*connection
}

type connection struct {
	net.Conn
	reader *bufio.Reader
}

// answer has status 0 where there was none.
type answer struct {
	status     int
	body       []byte
	retryAfter string
	took       time.Duration
}

func newClient(server *url.URL, timeout time.Duration) *client {
	address, secure := server.Host, server.Scheme == "https"
	if server.Port() == "" {
		address = net.JoinHostPort(server.Hostname(), server.Scheme)
	}
	return &client{address: address, host: server.Host, secure: secure, timeout: timeout}
}

// call sends one request; a kept connection that the server closed meanwhile is replaced once.
func (c *client) call(method, path, token, body string) answer {
	c.open.Add(1)
	defer c.open.Add(-1)
	request, began := c.request(method, path, token, body), time.Now()
	for {
		conn, kept, err := c.take()
		if err != nil {
			return answer{took: time.Since(began)}
		}
		got, err := c.exchange(conn, request, method, began)
		if err == nil {
			got.took = time.Since(began)
			return got
		}
		conn.Close()
		if !kept || time.Since(began) >= c.timeout {
			return answer{took: time.Since(began)}
		}
	}
}

func (c *client) request(method, path, token, body string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json, application/problem+json\r\n", method, path, c.host)
	if token != "" {
		fmt.Fprintf(&text, "Authorization: Bearer %s\r\n", token)
	}
	if body != "" {
		fmt.Fprintf(&text, "Content-Type: application/json\r\n")
	}
	if method != "GET" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(body))
	}
	text.WriteString("\r\n" + body)
	return text.String()
}

func (c *client) exchange(conn *connection, request, method string, began time.Time) (answer, error) {
	if err := conn.SetDeadline(began.Add(c.timeout)); err != nil {
		return answer{}, err
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return answer{}, err
	}
	response, err := http.ReadResponse(conn.reader, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	if response.Close {
		conn.Close()
	} else {
		c.put(conn)
	}
	return answer{status: response.StatusCode, body: body, retryAfter: response.Header.Get("Retry-After")}, nil
}

func (c *client) take() (*connection, bool, error) {
	c.mutex.Lock()
	if last := len(c.idle) - 1; last >= 0 {
		conn := c.idle[last]
		c.idle = c.idle[:last]
		c.mutex.Unlock()
		return conn, true, nil
	}
	c.mutex.Unlock()
	conn, err := c.dial()
	if err != nil {
		return nil, false, err
	}
	return &connection{conn, bufio.NewReaderSize(conn, 4096)}, false, nil
}

func (c *client) dial() (net.Conn, error) {
	dialer := &net.Dialer{Timeout: c.timeout}
	if c.secure {
		return tls.DialWithDialer(dialer, "tcp", c.address, nil)
	}
	return dialer.Dial("tcp", c.address)
}

func (c *client) put(conn *connection) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if len(c.idle) >= idleMax {
		conn.Close()
		return
	}
	c.idle = append(c.idle, conn)
}
