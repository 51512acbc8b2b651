import { ffmpeg5 } from "./ffmpeg-5.js"
import { type OptionTable, parseTable } from "./option-table.js"

/** How ffmpeg 4.3 reads its command line, where it differs from 5.1: made by `npm run option-table`, not by hand. */
export const ffmpeg43 = parseTable(
  `ffmpeg 4.3 libavutil 56.51 build 333ccc181d754b33
avoption codec decode: refcounted_frames
avoption codec decode encode: threads
avoption codec encode: nr preme side_data_only_packets skipcmp
avoption codec format decode: err_detect
avoption codec private encode: b_sensitivity b_strategy brd_scale chromaoffset coder context max_prediction_order mepc
  min_prediction_order mpeg_quant pred ps sc_threshold skip_exp skip_factor skip_threshold timecode_frame_start
avoption format decode: fifo_size stimeout
avoption format decode text: user-agent
avoption format encode: hls_wrap min_seg_duration use_localtime use_localtime_mkdir window_id
avoption format encode text: fec
avoption private encode: pbias rc_strategy
option flag global: same_quant sameq
option flag negatable global: deinterlace intra isync
option value global: bits_per_raw_sample tvstd vc
unread: kaiser_beta precision
without avoption: 2pass allowed_segment_extensions aom-params assetmaps audible_iv audible_key b_adapt b_ref_mode block_size cbr
  cenc_decryption_key ch_layout channel_order compression constrained-encoding continue_one_color_thresh cq crop cues_to_front
  data_field dblk_idc deint delay delivery_mode distance downmix dpb_size drop_second_field effort enable-1to4-partitions
  enable-ab-partitions enable-angle-delta enable-cfl-intra enable-diff-wtd-comp enable-dist-wtd-comp enable-dual-filter
  enable-filter-intra enable-flip-idtx enable-interinter-wedge enable-interintra-comp enable-interintra-wedge
  enable-intra-edge-filter enable-masked-comp enable-obmc enable-onesided-comp enable-paeth-intra enable-palette
  enable-rect-partitions enable-reduced-reference-set enable-ref-frame-mvs enable-smooth-interintra enable-smooth-intra enable-tx64
  encryption eph extension_picky extra_sei flipped_raw_rgb frame_rate gateway global_palette gpu hielevel hls_master_name
  hls_segment_options ichl in_chlayout init_qpB init_qpI init_qpP int_ref_cycle_dist is_avc kaiser_beta la_depth layer_rates ldkfs
  log_level low_delay_brc max_frame_size_i max_frame_size_p max_packet_size max_qp_b max_qp_i max_qp_p max_redirects max_stts_delta
  min_qp_b min_qp_i min_qp_p modular movie_timescale mpegts_muxer_options multipass nal_length_size nit_period no-scenecut nonref_p
  ochl operating_point out_chlayout p_strategy part precision prefer_x_start prog qp_cb_offset qp_cr_offset rav1e-params rc
  real_time_latency_msec reconnect_on_http_error reconnect_on_network_error reduced-tx-type-set resize rist_profile
  rtp_muxer_options s12m_tc sc_detection secret seg_format_options select_region short_seek_size single-slice-intra-refresh
  sixteen_color_thresh skip_frame_thresh skip_rate_check snddropdelay sop spatial-aq spatial_aq srt_streamid start_one_color_thresh
  still-picture strict_gop surfaces svtav1-params temporal-aq temporal_aq tile_columns timeshift tls transform_skip tsbpd udu_sei
  update_period use-inter-dct-only use-intra-dct-only use-intra-default-tx-only use_tfdt version_major version_minor weighted_pred
  write_btrt write_mpeg2 zerolatency
without option: auto_conversion_filters autoscale ch_layout cpucount dispositions fps_mode fpsmax muxing_queue_data_threshold
  readrate recast_media stats_period
end 1213
`,
  { base: ffmpeg5 }
) as OptionTable
